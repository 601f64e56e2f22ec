// Package odd is code that few would write, in as many shapes as the language has.
package odd

import (
	"io"
	"iter"
	"time"
	"unsafe"

	"github.com/funchost/funchost/framework/durable"
)

type (
	self        struct{ *self }
	loop        interface{ again() loop }
	either      interface{ ~int | ~string }
	tree[T any] struct {
		left, right *tree[T]
		v           T
	}
	embeds struct {
		io.Reader
		loop
		*embeds
	}
	funcs   []func(funcs) funcs
	alias   = func(*durable.Context, int) (int, error)
	chained func() chained
)

func (t *tree[T]) all() iter.Seq[T] {
	return func(yield func(T) bool) { t.push(yield) }
}

func (t *tree[T]) push(yield func(T) bool) bool {
	return t == nil || t.left.push(yield) && yield(t.v) && t.right.push(yield)
}

func (s *self) again() loop { return s.self }

func (c chained) again() loop { return c().again() }

func (e embeds) run(ctx *durable.Context) {
	e.again().again()
	e.embeds.embeds.again()
	_, _ = e.Read(nil)
	again := loop.again
	_ = again(e)
	_ = (*tree[int]).all
	_ = embeds.run
	_ = (&e).loop.again
}

var _, _ = io.EOF, func() int { return 1 }

var a, b = pair()

var _ alias = nil

var first, second = second2, func() {}

func second2() { second() }

func pair() (int, error) { return 0, nil }

func zero[T either](T) (z T) { return }

func apply[A, B any](f func(A) B, xs ...A) (out []B) {
	for _, x := range xs {
		out = append(out, f(x))
	}
	return
}

func fix[T any](f func(func(T) T) func(T) T) func(T) T {
	return func(x T) T { return f(fix(f))(x) }
}

func _() {}

func (*self) _() {}

func (embeds) init() {}

func odd(ctx *durable.Context, _ int) (_ int, err error) {
	defer func() { recover() }()
	goto end
end:
	for range 3 {
	}
	for i := range 3 {
		_ = i
	}
	for x := range (&tree[int]{}).all() {
		_ = x
	}
	for k, v := range map[any]any(nil) {
		_, _ = k, v
	}
	for range map[string]int(nil) {
	}
	func() {}()
	func(fs ...func()) {}(func() {}, nil)
	_ = fix(func(f func(int) int) func(int) int { return func(n int) int { return f(n - 1) } })
	_ = apply(zero[int], 1, 2)
	_ = apply[int, string](func(int) string { return "" })
	_ = funcs{func(fs funcs) funcs { return fs[0](fs) }}[0](nil)
	_ = [...]func(){0: func() {}}[0]
	_ = struct{ f func() }{}.f
	_ = unsafe.Sizeof(ctx)
	_ = *new(func())
	_ = interface{}(ctx).(interface{ Now() time.Time }).Now()
	switch x := any(err).(type) {
	case nil:
	case loop, error:
		_ = x
	case func(*durable.Context):
		x(ctx)
	}
	var m map[string]map[string][]int
	for k := range m {
		for l, n := range m[k] {
			m[k][l] = append(n, 1)
			m[k][l][0]++
			*&m[k][l][0] += 2
		}
	}
	type local struct{ embeds }
	local{}.run(ctx)
	if f := any(odd); f == nil {
		return odd(ctx, 1)
	}
	return 0, err
}

// Bound has odd ways to bind a function.
func Bound() []durable.Definition {
	named := durable.OrchestratorNamed[int, int]
	with := named("a").With
	return []durable.Definition{
		with(odd),
		(durable.Orchestrator[int, int]).With(named("b"), odd),
		named("c").With(nil),
		named("d").With(alias(odd)),
		named("e").With([]alias{odd}[0]),
		named("f").With(func() alias { return odd }()),
		durable.NewOrchestrator("g", func(*durable.Context, int) (int, error) { panic("never") }),
		func() durable.Definition { return named("h") }(),
		durable.NewEntity[struct{}]("i"),
	}
}
