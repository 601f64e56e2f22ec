//go:build !unix

package framework

import (
	"errors"
	"os"
)

// adopt is for systems where processes inherit descriptors by number.
func adopt(int, string) (*os.File, error) {
	return nil, errors.New("this system does not hand pipes to processes by number")
}
