package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"
)

// printJSON prints v for programs. What is printed with it is stable: fields may
// come, none goes or changes.
func (c console) printJSON(v any) error {
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// table prints columns for people.
type table struct {
	out     io.Writer
	text    bytes.Buffer
	columns *tabwriter.Writer
}

func newTable(out io.Writer) *table {
	t := &table{out: out}
	t.columns = tabwriter.NewWriter(&t.text, 0, 0, 2, ' ', 0)
	return t
}

// row adds a line. The cells may come from anywhere, see plain.
func (t *table) row(cells ...string) {
	for i, cell := range cells {
		cells[i] = plain(cell)
	}
	fmt.Fprintln(t.columns, strings.Join(cells, "\t"))
}

// print writes the table, without the blanks that line up empty cells.
func (t *table) print() error {
	_ = t.columns.Flush() // a buffer takes all
	for line := range strings.Lines(t.text.String()) {
		if _, err := fmt.Fprintln(t.out, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}

// plain keeps text of a hub from steering the reader's terminal: characters that
// do not print are written as a Go string has them.
func plain(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			quoted := strconv.QuoteRune(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

// cut keeps a cell readable: at most n characters, and a sign that there are
// more.
func cut(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n]) + "…"
}

// moment writes a time for people, in UTC; nothing for a time that never was.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

// asJSON is a payload inside JSON: itself if it is JSON, else a string of its
// text; nil if there is none.
func asJSON(payload []byte) json.RawMessage {
	if payload == nil || json.Valid(payload) {
		return payload
	}
	text, err := json.Marshal(string(payload))
	if err != nil {
		panic(fmt.Sprintf("BUG: a string is no JSON: %v", err))
	}
	return text
}
