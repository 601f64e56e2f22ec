package durable

import (
	"fmt"
	"runtime/debug"

	"github.com/funchost/funchost/dts"
)

// beside runs f as a coroutine and hands its error to end.
//
// A panic in a coroutine ends the orchestration where it stands, so that nobody waits
// for what will not come. A saga under way is to be undone first: while there is one,
// the panic is the error of f, and fails the saga whatever becomes of that error.
func (c *Context) beside(name string, f func() error, end func(error)) {
	c.w.Go(name, func() { end(c.caught(name, f)) })
}

func (c *Context) caught(name string, f func() error) (err error) {
	returned := false
	defer func() {
		if returned || c.sagas == 0 {
			return
		}
		if cause := recover(); cause != nil { // it is nil when the turn is over
			err = panicked(fmt.Sprintf("coroutine %q: ", name), cause)
			c.panics = append(c.panics, err)
		}
	}()
	err = f()
	returned = true
	return err
}

// panicked makes an error of a panic, for the function that has recovered it.
func panicked(where string, cause any) error {
	return &dts.Failure{Type: "panic", Message: where + fmt.Sprint(cause), Stack: string(debug.Stack())}
}
