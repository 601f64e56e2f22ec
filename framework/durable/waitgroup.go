package durable

import "errors"

// WaitGroup runs functions side by side and waits for all of them: what
// sync.WaitGroup is elsewhere, for orchestrators. The zero value is ready for use.
//
//	wg := durable.WaitGroup{Limit: 10}
//	for _, file := range files {
//		wg.Go(ctx, file, func() error {
//			_, err := Convert.Call(ctx, file)
//			return err
//		})
//	}
//	return wg.Wait(ctx)
//
// It belongs to one orchestrator and must not be copied after its first use.
type WaitGroup struct {
	// Limit is how many of the functions run at once. Zero or less means no limit.
	Limit int

	running int
	errs    []error
}

// Go runs f beside the caller, as [Context.Go] does. When Limit functions are
// running, it first waits until one of them has returned.
func (g *WaitGroup) Go(ctx *Context, name string, f func() error) {
	ctx.w.Until(func() bool { return g.Limit <= 0 || g.running < g.Limit })
	i := len(g.errs)
	g.errs = append(g.errs, nil)
	g.running++
	ctx.beside(name, f, func(err error) {
		g.errs[i] = err
		g.running--
	})
}

// Wait waits until every function that was given to Go has returned. The error
// joins theirs, in the order of the calls of Go. One that fails does not stop the
// others.
func (g *WaitGroup) Wait(ctx *Context) error {
	ctx.w.Until(func() bool { return g.running == 0 })
	return errors.Join(g.errs...)
}
