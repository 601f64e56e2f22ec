package triggers

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// Instance ids of a cron trigger are made of its name, and are what keeps several
// hosts from doing a thing twice. Names are hub-wide.
const (
	recordPrefix = "cron-schedule:" // the schedule record
	tickPrefix   = "cron-tick:"     // the delayed start of one due time
	runPrefix    = "cron:"          // what a tick starts
)

func recordID(trigger string) string { return recordPrefix + idPart(trigger) }

func tickID(trigger string, due time.Time) string {
	return tickPrefix + idPart(trigger) + ":" + due.UTC().Format(time.RFC3339)
}

func runID(trigger string, due time.Time) string {
	return runPrefix + idPart(trigger) + ":" + due.UTC().Format(time.RFC3339)
}

// maxIDPart leaves room for the prefixes and the time in the 100 characters of an
// id.
const maxIDPart = 60

// idPart is the name as a part of an id: as it is where that is possible, and else
// a hash of it. The tilde keeps the two apart.
func idPart(name string) string {
	plain := name != "" && len(name) <= maxIDPart && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_. ", r))
	})
	if plain {
		return name
	}
	return "~" + hashed(name)
}

// hashed makes 160 bits of the parts, in characters that every id can have. The
// parts are told apart by line ends, so all but the last must not have any.
func hashed(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\n")))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:20]))
}
