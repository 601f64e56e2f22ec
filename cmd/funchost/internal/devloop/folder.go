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

// childFile is where a session's folder has the id of the program's process.
const childFile = "child"

func noteChild(folder string, pid int) error {
	if err := os.WriteFile(filepath.Join(folder, childFile), []byte(strconv.Itoa(pid)), 0o600); err != nil {
		return fmt.Errorf("note the process of the program: %w", err)
	}
	return nil
}

// Orphans lists the processes of programs whose command was killed. They notice and
// end, but until then they hold their ports.
func Orphans() []int { return orphans(os.TempDir()) }

func orphans(parent string) []int {
	var pids []int
	for _, folder := range stale(parent) {
		text, err := os.ReadFile(filepath.Join(folder, childFile))
		if err != nil {
			continue // it was killed before it had started one
		}
		if pid, err := strconv.Atoi(string(text)); err == nil && pid > 0 && alive(pid) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// removeStale removes the folders of processes that are gone, as far as it can:
// somebody else's are left to them.
func removeStale(parent string) {
	for _, folder := range stale(parent) {
		_ = os.RemoveAll(folder)
	}
}

// stale finds the folders of processes that are gone. A number that another process
// has by now keeps a folder until the next time.
func stale(parent string) []string {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return nil
	}
	var folders []string
	for _, entry := range entries {
		rest, found := strings.CutPrefix(entry.Name(), folderPrefix)
		text, _, _ := strings.Cut(rest, "-")
		pid, err := strconv.Atoi(text)
		if found && err == nil && pid > 0 && !alive(pid) {
			folders = append(folders, filepath.Join(parent, entry.Name()))
		}
	}
	return folders
}
