// Package saga undoes what it has done, in the reverse order.
package saga

import (
	"errors"

	"github.com/funchost/funchost/framework/durable"
)

type saga struct {
	ctx  *durable.Context
	undo []func() error
}

func (s *saga) add(f func() error) { s.undo = append(s.undo, f) }

func (s *saga) compensate(err error) error {
	for i := len(s.undo) - 1; i >= 0; i-- {
		err = errors.Join(err, s.undo[i]())
	}
	return err
}

var (
	book   = durable.ActivityNamed[string, string]("book")
	cancel = durable.ActivityNamed[string, durable.None]("cancel")
)

func run(ctx *durable.Context, trips []string) (_ []string, err error) {
	s := &saga{ctx: ctx}
	defer func() {
		if err != nil {
			err = s.compensate(err)
		}
	}()
	var booked []string
	for _, trip := range trips {
		id, err := book.Call(ctx, trip)
		if err != nil {
			return nil, err
		}
		s.add(func() error {
			_, err := cancel.Call(s.ctx, id)
			return err
		})
		booked = append(booked, id)
	}
	return booked, nil
}
