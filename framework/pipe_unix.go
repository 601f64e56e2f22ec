//go:build unix

package framework

import (
	"errors"
	"os"
	"syscall"
)

// adopt takes over a pipe that the process was started with.
func adopt(fd int, name string) (*os.File, error) {
	var info syscall.Stat_t
	if err := syscall.Fstat(fd, &info); err != nil {
		return nil, err
	}
	if info.Mode&syscall.S_IFMT != syscall.S_IFIFO {
		return nil, errors.New("another kind of file")
	}
	// Without blocking, Close can end a Read; and the programs that this one
	// starts must not hold the pipe open.
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	syscall.CloseOnExec(fd)
	return os.NewFile(uintptr(fd), name), nil
}
