package framework

import "github.com/funchost/funchost/dts"

// WithConverter sets how values become payloads, for everything that the host does;
// the default is JSON. All hosts and clients of a hub need the same. With
// [WithClient] it is not looked at: a client has its own.
func WithConverter(c dts.Converter) Option {
	return func(a *App) { a.converter = c }
}

// converterOptions are for a client that encodes as the app does.
func (a *App) converterOptions() []dts.Option {
	if a.converter == nil {
		return nil
	}
	return []dts.Option{dts.WithConverter(a.converter)}
}
