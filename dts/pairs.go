package dts

import (
	"fmt"
	"strings"
)

// pair is one Key=Value of a connection string.
type pair struct{ key, value string }

// splitPairs reads the outer form of a connection string, quotes included. Empty
// segments are skipped. Errors name the segment by its position: its text could
// be a secret.
func splitPairs(s string) ([]pair, error) {
	var pairs []pair
	for n := 1; s != ""; n++ {
		key, rest, found := strings.Cut(s, "=")
		if head, tail, ends := strings.Cut(s, ";"); ends && len(head) < len(key) || !found {
			if strings.TrimSpace(head) != "" {
				return nil, fmt.Errorf("part %d has no '=': write Key=Value;Key=Value", n)
			}
			s = tail
			continue
		}
		key = strings.TrimSpace(key)
		if key == "" {
			return nil, fmt.Errorf("part %d has no key before '='", n)
		}
		value, tail, err := cutValue(rest)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		pairs = append(pairs, pair{key, value})
		s = tail
	}
	return pairs, nil
}

// cutValue takes a value, quoted or plain, off the front of s together with the
// semicolon that ends it.
func cutValue(s string) (value, rest string, err error) {
	trimmed := strings.TrimSpace(s)
	if trimmed == "" || trimmed[0] != '"' && trimmed[0] != '\'' {
		value, rest, _ = strings.Cut(s, ";")
		return strings.TrimSpace(value), rest, nil
	}
	mark := trimmed[:1]
	var b strings.Builder
	for s = trimmed[1:]; ; s = s[1:] { // s[1:] drops the second of two marks
		part, tail, found := strings.Cut(s, mark)
		if !found {
			return "", "", fmt.Errorf("the value starts with %s and has no closing %s", mark, mark)
		}
		b.WriteString(part)
		if !strings.HasPrefix(tail, mark) {
			s = tail
			break
		}
		b.WriteString(mark)
		s = tail
	}
	between, rest, _ := strings.Cut(s, ";")
	if strings.TrimSpace(between) != "" {
		return "", "", fmt.Errorf("text follows the closing %s: double a %s inside quotes", mark, mark)
	}
	return b.String(), rest, nil
}

// quote writes a value so that cutValue gives it back.
func quote(value string) string {
	plain := !strings.Contains(value, ";") && value == strings.TrimSpace(value) && !strings.HasPrefix(value, `"`) && !strings.HasPrefix(value, `'`)
	if plain {
		return value
	}
	return `"` + strings.ReplaceAll(value, `"`, `""`) + `"`
}
