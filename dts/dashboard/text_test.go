package dashboard

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

func TestDurationsAreBrief(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                               "0s",
		123456 * time.Nanosecond:        "120µs",
		1500 * time.Microsecond:         "2ms",
		1234 * time.Millisecond:         "1.2s",
		time.Minute:                     "1m",
		59980 * time.Millisecond:        "1m",
		20*time.Minute + 30*time.Second: "20m30s",
		10 * time.Hour:                  "10h",
		10*time.Hour + 10*time.Minute:   "10h10m",
		2*time.Hour + 5*time.Second:     "2h0m5s",
		24 * time.Hour:                  "1d",
		76 * time.Hour:                  "3d4h",
		-time.Second:                    "-1s",
	} {
		if got := brief(d); got != want {
			t.Errorf("brief(%d ns) = %q, want %q", d, got, want)
		}
	}
}

func TestCutKeepsCharactersWhole(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "", 1: "a", 2: "a", 3: "aä", 4: "aäb", 9: "aäb"} {
		if got := cut("aäb", n); got != want {
			t.Errorf("cut to %d bytes is %q, want %q", n, got, want)
		}
	}
}

func TestBracketsInBracketsDoNotFillThePage(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 2000) + strings.Repeat("]", 2000)
	if got := show([]byte(deep), "", wholePage).indent().Text; got != deep {
		t.Errorf("%d bytes of brackets became %d", len(deep), len(got))
	}
}

func TestAxisHasAFewRoundMarks(t *testing.T) {
	t.Parallel()
	for span := 10 * time.Microsecond; span < 400*24*time.Hour; span = span * 13 / 10 {
		origin := time.Unix(0, 0)
		began := origin.Add(50 * time.Hour)
		if span < time.Second {
			began = origin.Add(5 * span)
		}
		drawn := draw([]*step{{Begin: began, End: began.Add(span)}}, origin)
		if n := len(drawn.Ticks); n < 1 || n > maxTicks+1 {
			t.Errorf("%v has %d marks: %v", span, n, drawn.Ticks)
		}
		labels := make(map[string]bool)
		for _, tick := range drawn.Ticks {
			labels[tick.Label] = true
		}
		if len(labels) < len(drawn.Ticks) {
			t.Errorf("%v has two marks that read the same: %v", span, drawn.Ticks)
		}
		if stepOf(span) > span && span >= time.Millisecond {
			t.Errorf("%v has a mark each %v", span, stepOf(span))
		}
	}
}

func TestBarsStayInThePicture(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return time.Unix(int64(seconds), 0) }
	drawn := draw([]*step{{Begin: at(100), End: at(100)}, {Begin: at(0), End: at(100)}}, at(0))
	if l := drawn.Lanes[0]; l.X != "99.40%" || l.W != "0.60%" {
		t.Errorf("a moment at the end is drawn at %s, %s wide", l.X, l.W)
	}
	if l := drawn.Lanes[1]; l.X != "0.00%" || l.W != "100.00%" {
		t.Errorf("the whole is drawn at %s, %s wide", l.X, l.W)
	}
	var many []*step
	for i := range maxLanes + 7 {
		many = append(many, &step{Begin: at(i), End: at(i)})
	}
	if drawn := draw(many, at(0)); len(drawn.Lanes) != maxLanes || drawn.Left != 7 {
		t.Errorf("%d steps have %d lanes and %d left", len(many), len(drawn.Lanes), drawn.Left)
	}
}

func FuzzVisibleTextHidesNothing(f *testing.F) {
	for _, seed := range []string{"", "order-7", "a\nb", "\u202egnp.exe", "\xff\x00", "Ωμέγα ☃ 🚀", "\U000e0041"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := visible(text)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("visible(%q) = %q", text, got)
		}
		if again := visible(got); again != got {
			t.Errorf("visible(%q) = %q, and of that it is %q", text, got, again)
		}
	})
}

func FuzzTimeIsReadOrRefused(f *testing.F) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, seed := range []string{"90m", "-5m", "2026-11-23T03:00:00Z", "2026-11-22 17:05:34Z", "9223372036s", "1e9h", "2026-11-23T03:00:00.5+01:00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readTime(text, now)
		if (err != nil) != (got.IsZero() && text != "") {
			t.Errorf("readTime(%q) = %v, %v; want a time or an error", text, got, err)
		}
	})
}
