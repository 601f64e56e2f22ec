package framework

import (
	"fmt"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/payload"
)

// WithPayloads keeps large payloads in a store, see [dts.WithPayloads]. The setting
// payload-store does the same and wins over it. With [WithClient] both are not looked
// at: a client has a store or none.
func WithPayloads(p dts.Payloads) Option {
	return func(a *App) { a.payloads = &p }
}

// payloadOptions are for the client of a host. Setting is the text of payload-store,
// and origin where it comes from.
func (a *App) payloadOptions(setting, origin string) ([]dts.Option, error) {
	switch {
	case setting != "":
		store, err := payload.Open(setting)
		if err != nil {
			return nil, usageError{fmt.Errorf("setting %s (%s): %w", keyPayloads, origin, err)}
		}
		return []dts.Option{dts.WithPayloads(dts.Payloads{Store: store})}, nil
	case a.payloads != nil:
		return []dts.Option{dts.WithPayloads(*a.payloads)}, nil
	}
	return nil, nil
}
