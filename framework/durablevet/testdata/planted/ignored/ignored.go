// Package ignored has comments that hide something, and some that do not.
package ignored

import (
	"time"

	"github.com/funchost/funchost/framework/durable"
)

func noReason(ctx *durable.Context) time.Time {
	//durable:ignore // want `//durable:ignore without a reason hides nothing`
	return time.Now() // want `noReason: time.Now`
}

func otherLine(ctx *durable.Context) time.Time {
	_ = time.Now()    //durable:ignore the result is not used
	return time.Now() // want `otherLine: time.Now`
}

func otherWord(ctx *durable.Context) time.Time {
	//durable:ignored is another word
	return time.Now() // want `otherWord: time.Now`
}
