package framework

import "github.com/funchost/funchost/framework/durable"

// WithHTTP says what [durable.CallHTTP] may do in this host: which hosts and networks
// it reaches besides the internet, and how requests are signed.
func WithHTTP(p durable.HTTPPolicy) Option {
	return func(a *App) { a.http = &p }
}

// addHTTP adds the activity that makes requests, if it has a policy of its own. An
// app without functions has nobody who calls it.
func (a *App) addHTTP(defs []durable.Definition) ([]durable.Definition, error) {
	if a.http == nil || len(defs) == 0 {
		return defs, nil
	}
	d, err := a.http.Activity()
	if err != nil {
		return defs, err
	}
	return append(defs, d), nil
}
