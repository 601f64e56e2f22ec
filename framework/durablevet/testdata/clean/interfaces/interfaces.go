// Package interfaces has types that an orchestrator could reach, and does not.
package interfaces

import (
	"time"

	"github.com/funchost/funchost/framework/durable"
)

type clock interface{ now() time.Time }

type machine struct{}

func (machine) now() time.Time { return time.Now() }

type replayed struct{ ctx *durable.Context }

func (r replayed) now() time.Time { return r.ctx.Now() }

func run(ctx *durable.Context, _ string) (time.Time, error) { return read(replayed{ctx}), nil }

func read(c clock) time.Time { return c.now() }

// Server uses the other one.
type Server struct{ clock clock }

// NewServer makes one.
func NewServer() *Server { return &Server{clock: machine{}} }

// Now is for handlers.
func (s *Server) Now() time.Time { return s.clock.now() }
