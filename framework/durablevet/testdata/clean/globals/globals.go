// Package globals reads variables that stay as they are.
package globals

import (
	"errors"
	"regexp"
	"sync"
	"time"

	"github.com/funchost/funchost/framework/durable"
)

var (
	errEmpty = errors.New("empty")
	word     = regexp.MustCompile("[a-z]+")
	sizes    = []int{64, 256}
	names    = map[string]string{"a": "b"}
	patience = 24 * time.Hour
	retry    = durable.RetryPolicy{Attempts: 3, Handle: func(err error) bool { return !errors.Is(err, errEmpty) }}
	table    = build()
	byInit   map[string]int
	byHelper map[string]int
	charge   = durable.ActivityNamed[string, int]("charge")
)

func build() map[string]int { return map[string]int{"x": 1} }

func init() {
	byInit = map[string]int{"y": 2}
	register("z", 3)
}

func register(name string, n int) {
	if byHelper == nil {
		byHelper = make(map[string]int)
	}
	byHelper[name] = n
}

var (
	once  sync.Once
	later map[string]int
)

// lazily makes what is the same each time.
func lazily() map[string]int {
	once.Do(func() { later = map[string]int{"w": 4} })
	return later
}

var squares = sync.OnceValue(func() []int { return []int{0, 1, 4, 9} })

func run(ctx *durable.Context, in string) (int, error) {
	if in == "" || !word.MatchString(in) {
		return 0, errEmpty
	}
	ctx.Sleep(patience)
	n := sizes[0] + table[names[in]] + byInit[in] + byHelper[in] + lazily()[in] + squares()[1]
	m, err := charge.Call(ctx, in, durable.Retry(retry))
	return n + m, err
}
