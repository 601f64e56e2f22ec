package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// adminFile is the file in a data folder that says how to talk to the process
// that serves it. Who can read the folder may ask for a backup.
const adminFile = "admin.json"

// admin is what the file holds.
type admin struct {
	Address string `json:"address"`
	// Token is made anew by each process.
	Token string `json:"token"`
}

// backupRequest is the body of POST /backup.
type backupRequest struct {
	To string `json:"to"` // absolute
}

// write makes the file, whole or not at all.
func (a admin) write(data string) error {
	text, err := json.Marshal(a)
	if err != nil {
		return err
	}
	part := filepath.Join(data, adminFile+".part")
	if err := os.WriteFile(part, text, 0o600); err != nil {
		return err
	}
	return os.Rename(part, filepath.Join(data, adminFile))
}

// remove removes the file unless it is of another process by now.
func (a admin) remove(data string) {
	if other, err := readAdmin(data); err == nil && other == a {
		_ = os.Remove(filepath.Join(data, adminFile))
	}
}

// forgetAdmin removes the file that a process has left which was killed: this one
// holds the folder now, and may take no requests.
func forgetAdmin(data string) {
	if data != "" {
		_ = os.Remove(filepath.Join(data, adminFile))
	}
}

func readAdmin(data string) (a admin, err error) {
	text, err := os.ReadFile(filepath.Join(data, adminFile))
	if err != nil {
		return admin{}, err
	}
	return a, json.Unmarshal(text, &a)
}

// newAdmin makes a token for the process that is about to serve.
func newAdmin() admin { return admin{Token: rand.Text()} }

// handler makes backups for who brings the token. Without it any page in a
// browser of this machine could ask for one.
func (a admin) handler(backup func(to string) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(token), []byte(a.Token)) != 1 {
			http.Error(w, "the token is not that of this process", http.StatusUnauthorized)
			return
		}
		var request backupRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&request); err != nil || !filepath.IsAbs(request.To) {
			http.Error(w, "the body has to name an absolute path", http.StatusBadRequest)
			return
		}
		// Another disk may take long to copy to.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		if err := backup(request.To); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// askForBackup lets the process that serves a folder make a backup of it.
func askForBackup(ctx context.Context, data, to string) error {
	a, err := readAdmin(data)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is in use by a process that takes no requests for backups\n"+
			"  funchost scheduler does, unless it has --admin-listen none; funchost run has to be stopped first", data)
	}
	if err != nil {
		return fmt.Errorf("ask the process that serves %s: %w", data, err)
	}
	body, err := json.Marshal(backupRequest{To: to})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+a.Address+"/backup", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the process that serves %s: %w", data, err)
	}
	request.Header.Set("Authorization", "Bearer "+a.Token)
	request.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 10 * time.Second}).DialContext} // through no proxy
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("ask the process that serves %s: %w", data, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("ask the process that serves %s: %w", data, err)
	}
	return errors.New(strings.TrimSpace(string(text)))
}
