package dashboard

import (
	"fmt"
	"time"
)

// maxLanes is how many steps a timeline draws.
const maxLanes = 100

// timeline is a picture of steps, one to a lane. Places are percentages, so that
// it is as wide as the page and its letters are not.
type timeline struct {
	Lanes []lane
	Left  int // how many steps are not drawn
	Ticks []tick
}

type lane struct {
	*step

	Offset time.Duration // since the earliest entry of the history
	Took   time.Duration
	X, W   string
}

// tick is a mark on the axis.
type tick struct {
	X      string
	Label  string
	Anchor string // where the label stands: start, middle, end
}

// thin is the width of a bar that could not be seen otherwise.
const thin = 0.6

// draw places steps between the first moment and the last. Origin is the time of
// the earliest entry of the history.
func draw(all []*step, origin time.Time) timeline {
	var t timeline
	if len(all) > maxLanes {
		t.Left = len(all) - maxLanes
		all = all[:maxLanes]
	}
	if len(all) == 0 {
		return t
	}
	low, high := all[0].Begin, all[0].End
	for _, s := range all {
		if s.Begin.Before(low) {
			low = s.Begin
		}
		if s.End.After(high) {
			high = s.End
		}
	}
	if low.Sub(origin) < 4*high.Sub(low) {
		low = origin // an axis that begins at zero is read at a glance
	}
	span := max(high.Sub(low), time.Millisecond)
	at := func(d time.Duration) float64 { return 100 * float64(d) / float64(span) }
	for _, s := range all {
		took := s.End.Sub(s.Begin)
		width := max(at(took), thin)
		x := min(at(s.Begin.Sub(low)), 100-width)
		t.Lanes = append(t.Lanes, lane{s, s.Begin.Sub(origin), took, percent(x), percent(width)})
	}
	step := stepOf(span)
	start := low.Sub(origin)
	for offset := start.Truncate(step); offset <= start+span; offset += step {
		x := at(offset - start)
		if x < 0 {
			continue
		}
		anchor := "middle"
		switch {
		case x < 5:
			anchor = "start"
		case x > 95:
			anchor = "end"
		}
		t.Ticks = append(t.Ticks, tick{percent(x), mark(offset, step), anchor})
	}
	return t
}

// mark writes a multiple of the step to the last digit, so that no two marks read
// the same.
func mark(offset, step time.Duration) string {
	if step >= time.Hour {
		return "+" + brief(offset)
	}
	return "+" + withoutZeros(offset.String())
}

func percent(x float64) string { return fmt.Sprintf("%.2f%%", x) }

// maxTicks is how many steps of the axis there is room for.
const maxTicks = 5

// stepOf is a round duration that goes into the span a few times.
func stepOf(span time.Duration) time.Duration {
	for unit := time.Microsecond; unit <= 10*time.Second; unit *= 10 {
		for _, n := range []int{1, 2, 5} {
			if step := time.Duration(n) * unit; span <= maxTicks*step {
				return step
			}
		}
	}
	for _, step := range []time.Duration{
		time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	} {
		if span <= maxTicks*step {
			return step
		}
	}
	step := 48 * time.Hour
	for span > maxTicks*step && step < 1<<61 {
		step *= 2
	}
	return step
}
