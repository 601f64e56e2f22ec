package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/funchost/funchost/dts"
)

// How many bytes of a payload are shown before it is cut.
const (
	wholePage = 4 << 10 // where it stands alone
	inARow    = 160     // in a line of a table
)

// payload is as much of a payload as a page shows.
type payload struct {
	Text  string
	Cut   bool   // Text is only its beginning
	Size  int    // of all of it, in bytes
	Whole string // address of all of it, where there is more to see
}

// show cuts a payload to n bytes; nil if there is none. Text is never more than
// text: the templates escape it.
func show(p []byte, whole string, n int) *payload {
	if p == nil {
		return nil
	}
	if len(p) > n {
		return &payload{Text: readable(cut(string(p), n)), Cut: true, Size: len(p), Whole: whole}
	}
	return &payload{Text: readable(string(p)), Size: len(p)}
}

// indent makes JSON easier to read; everything else stays as it is.
func (p *payload) indent() *payload {
	if p == nil || p.Cut {
		return p
	}
	var b bytes.Buffer
	if json.Indent(&b, []byte(p.Text), "", "  ") == nil && b.Len() <= 4*wholePage { // brackets in brackets grow without end
		p.Text = b.String()
	}
	return p
}

// The names of payloads in addresses.
const (
	ofInput   = "input"
	ofOutput  = "output"
	ofCustom  = "custom-status"
	ofResult  = "result"
	ofFailure = "failure"
)

// payload answers with the whole of one, as plain text.
func (v *visit) payload(ctx context.Context) error {
	q := v.r.URL.Query()
	var found []byte
	var err error
	switch id := q.Get("id"); {
	case q.Has("entity"):
		found, err = v.stateOf(ctx, q.Get("entity"))
	case q.Has("entry"):
		found, err = v.inHistory(ctx, id, q)
	default:
		var in *dts.Instance
		if in, err = v.client.Instance(ctx, id); err == nil {
			found = map[string][]byte{ofInput: in.Input, ofOutput: in.Output, ofCustom: in.CustomStatus, ofFailure: failureText(in.Failure)}[q.Get("of")]
		}
	}
	if err != nil {
		return err
	}
	if found == nil {
		return &refusal{http.StatusNotFound, "There is no such payload", "It is not there, or is no longer."}
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox") // were a browser to take it for a page, nothing in it would run
	_, _ = v.w.Write(found)
	return nil
}

func (v *visit) stateOf(ctx context.Context, text string) ([]byte, error) {
	id, err := dts.ParseEntityID(text)
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "That is no id of an entity", err.Error()}
	}
	found, err := v.client.Entity(ctx, id)
	if err != nil {
		return nil, err
	}
	return found.State, nil
}

// inHistory finds a payload by the place of its entry. The address names the
// execution too, because another one has other entries in the same places.
func (v *visit) inHistory(ctx context.Context, id string, q url.Values) ([]byte, error) {
	place, err := strconv.Atoi(q.Get("entry"))
	if err != nil {
		return nil, &refusal{http.StatusBadRequest, "That is no entry of a history", fmt.Sprintf("%.20q is no number.", q.Get("entry"))}
	}
	in, err := v.client.Instance(ctx, id)
	if err != nil {
		return nil, err
	}
	if in.ExecutionID != q.Get("execution") {
		return nil, &refusal{http.StatusNotFound, "There is no such payload", "The history that it was in was replaced: the orchestration has begun again."}
	}
	at := 0
	for e, err := range v.client.History(ctx, id) {
		if err != nil {
			return nil, err
		}
		if at == place {
			return map[string][]byte{ofInput: e.Input, ofResult: e.Result, ofFailure: failureText(e.Failure)}[q.Get("of")], nil
		}
		at++
	}
	return nil, nil
}

// failureText is a failure and those behind it as text, nil if there is none.
func failureText(f *dts.Failure) []byte {
	var b bytes.Buffer
	for ; f != nil; f = f.Inner {
		if b.Len() > 0 {
			b.WriteString("\ncaused by: ")
		}
		b.WriteString(f.Error() + "\n")
		if f.Stack != "" {
			b.WriteString(f.Stack + "\n")
		}
	}
	if b.Len() == 0 {
		return nil
	}
	return b.Bytes()
}
