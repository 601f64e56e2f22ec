package store

import (
	"fmt"
	"runtime"
)

// logger passes the engine's log on; a fatal error fails the store and ends the
// goroutine that met it, because the engine cannot go on with it.
type logger Store

func (l *logger) Infof(format string, args ...any) {
	l.log.Debug(fmt.Sprintf(format, args...))
}

func (l *logger) Errorf(format string, args ...any) {
	l.log.Warn(fmt.Sprintf(format, args...))
}

func (l *logger) Fatalf(format string, args ...any) {
	(*Store)(l).fail(fmt.Errorf(format, args...))
	runtime.Goexit()
}
