package devloop

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// folderPrefix begins the name of a session's folder; the id of the process that
// made it follows.
const folderPrefix = "funchost-run-"

// makeFolder makes the folder in parent that the builds of this session go to,
// and removes those of sessions that were killed and could not.
func makeFolder(parent string) (string, error) {
	folder, err := os.MkdirTemp(parent, fmt.Sprintf("%s%d-", folderPrefix, os.Getpid()))
	if err != nil {
		return "", fmt.Errorf("make a folder for the build: %w", err)
	}
	removeStale(parent)
	return folder, nil
}

// removeStale removes the folders of processes that are gone, as far as it can:
// somebody else's are left to them, and a number that another process has by now
// keeps a folder until the next time.
func removeStale(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, entry := range entries {
		rest, found := strings.CutPrefix(entry.Name(), folderPrefix)
		text, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(text)
		if found && err == nil && pid > 0 && !alive(pid) {
			_ = os.RemoveAll(filepath.Join(parent, entry.Name()))
		}
	}
}
