package lifecycle

import "context"

// Late returns a runner that is made when it is started: the place for work that
// may fail or that needs the context of the start, see [Share].
func Late(open func(ctx context.Context) (Runner, error)) Runner {
	return &late{open: open, ready: make(chan struct{})}
}

type late struct {
	open  func(context.Context) (Runner, error)
	ready chan struct{}
}

func (l *late) Ready() <-chan struct{} { return l.ready }

func (l *late) Run(ctx context.Context) error {
	r, err := l.open(ctx)
	if err != nil {
		return err
	}
	ended, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		select {
		case <-r.Ready():
			close(l.ready)
		case <-ended:
		}
	}()
	err = r.Run(ctx)
	close(ended)
	<-told
	return err
}
