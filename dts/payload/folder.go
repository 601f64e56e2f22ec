// Package payload keeps payloads that are too large for a hub in a folder.
//
//	client, err := dts.Dial(cs, dts.WithPayloads(dts.Payloads{Store: payload.Folder("/data/payloads")}))
package payload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
)

// Folder returns a store in a folder, which the first payload makes. The hosts and
// clients of a hub that run on several machines share it as a volume.
//
// A payload is a file with the hash of the payload as its name, so the same payload
// is kept once. It is on the disk when its token is handed out, and its age is that
// of the last time: files that are older than everything in the hub can be deleted.
// Only the owner of the process can read them. Tokens have the form file:v1:HASH,
// which other SDKs do not know.
func Folder(dir string) dts.PayloadStore { return folder(dir) }

type folder string

const tokenPrefix = "file:v1:"

// maxFile is far above what clients store by default, and far below what would
// hurt a host that is pointed at the wrong folder.
const maxFile = 256 << 20

func (folder) Owns(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// Put keeps a payload.
func (f folder) Put(_ context.Context, payload []byte) (string, error) {
	hash := sha256.Sum256(payload)
	name := hex.EncodeToString(hash[:])
	file := f.file(name)
	if kept, err := os.ReadFile(file); err == nil && bytes.Equal(kept, payload) {
		now := time.Now()
		if err := os.Chtimes(file, now, now); err == nil {
			return tokenPrefix + name, nil
		}
	}
	if err := f.write(file, payload); err != nil {
		return "", fmt.Errorf("payload folder %q: %w", string(f), err)
	}
	return tokenPrefix + name, nil
}

// file is where the payload with that name is. No folder holds too many.
func (f folder) file(name string) string { return filepath.Join(string(f), name[:2], name) }

// write makes the file or none, whenever the machine stops.
func (f folder) write(file string, payload []byte) (err error) {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(dir, ".new-*") // for the owner only
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(payload)
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), file); err != nil {
		return err
	}
	_ = syncDir(filepath.Dir(string(f))) // of somebody else, perhaps, and with the folder in it since long
	return errors.Join(syncDir(dir), syncDir(string(f)))
}

// syncDir makes the names in a folder last.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" { // a folder has no such thing there
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Get returns a payload.
func (f folder) Get(_ context.Context, token string) ([]byte, error) {
	name := strings.TrimPrefix(token, tokenPrefix)
	if hash, err := hex.DecodeString(name); err != nil || len(hash) != sha256.Size || strings.ToLower(name) != name {
		return nil, fmt.Errorf("%w: the token %.100q is none of a payload folder", dts.ErrPayloadGone, token)
	}
	payload, err := read(f.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		if _, dirErr := os.Stat(string(f)); dirErr == nil {
			return nil, fmt.Errorf("%w: payload folder %q has no file for the token %q", dts.ErrPayloadGone, string(f), token)
		}
		err = errors.New("it does not exist here; is the volume mounted?")
	}
	if err != nil {
		return nil, fmt.Errorf("payload folder %q: %w", string(f), err)
	}
	if hash := sha256.Sum256(payload); hex.EncodeToString(hash[:]) != name {
		return nil, fmt.Errorf("%w: the file for the token %q in payload folder %q was changed", dts.ErrPayloadGone, token, string(f))
	}
	return payload, nil
}

func read(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("%s is no payload", filepath.Base(file))
	}
	return os.ReadFile(file)
}
