package payload

import (
	"errors"
	"strings"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/payload/azureblob"
)

// Open returns the store that text names: file:FOLDER, or what [azureblob.New] takes,
// with its defaults. It does no I/O.
func Open(text string) (dts.PayloadStore, error) {
	dir, ok := strings.CutPrefix(text, "file:")
	switch {
	case ok && dir == "":
		return nil, errors.New("payload storage: file: needs a folder, as in file:/data/payloads")
	case ok:
		return Folder(dir), nil
	}
	return azureblob.New(text)
}
