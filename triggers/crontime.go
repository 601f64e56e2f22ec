package triggers

import "time"

// schedule knows when a trigger is due. It does not change.
//
// Fields are sets of numbers, one bit each. They speak of the wall clock in the
// zone; the clock changes of the zone are met as people expect it: what is due in
// an hour that is left out comes later by the length of the gap, and what is due
// in an hour that comes twice is due the first time, unless it is an interval.
type schedule struct {
	second, minute, hour, day, month, weekday uint64

	eitherDay bool // day and weekday, when both are restricted, are alternatives
	interval  bool // goes on through an hour that comes twice
	zone      *time.Location

	every  time.Duration // of @every; the fields mean nothing then
	anchor time.Time     // what every is counted from
}

// star is the bit by which the parser marks a field that was * or ?.
const star = 1 << 63

// anchored returns the schedule with @every counted from t.
func (s *schedule) anchored(t time.Time) *schedule {
	set := *s
	set.anchor = t.Truncate(time.Second)
	return &set
}

// due reports whether t is a due time.
func (s *schedule) due(t time.Time) bool { return s.next(t.Add(-time.Second)).Equal(t) }

// count is how many due times there are from first, which is one, through last;
// limit at the most.
func (s *schedule) count(first, last time.Time, limit int) int {
	n := 0
	for ; n < limit && !first.After(last); n++ {
		first = s.next(first)
	}
	return n
}

// next is the first due time after t, in the zone. There always is one.
func (s *schedule) next(t time.Time) time.Time {
	if s.every > 0 {
		passed := int64(max(t.Sub(s.anchor), 0) / s.every)
		return s.anchor.Add(s.every * time.Duration(passed+1)).In(s.zone)
	}
	// Between two clock changes the wall clock is the time plus a constant, so the
	// stretches between them are searched one by one.
	t = t.Truncate(time.Second).Add(time.Second)
	for {
		from, until := t.In(s.zone).ZoneBounds()
		due := s.within(t, from)
		if until.IsZero() || due.Before(until) {
			return due.In(s.zone)
		}
		// A day that comes once in years is not looked for in every stretch before
		// it. No clock change is larger than a day; twice that is kept apart.
		if near := due.Add(-48 * time.Hour); near.After(until) && until.Sub(t) > 48*time.Hour {
			until = near
		}
		t = until
	}
}

// within is the first due time from t on, as if the stretch that began at from
// had no end.
func (s *schedule) within(t, from time.Time) time.Time {
	offset := offsetAt(t, s.zone)
	if from.IsZero() {
		return s.at(t, offset)
	}
	before := offsetAt(from.Add(-time.Second), s.zone)
	switch change := offset - before; {
	case change > 0: // what the clock left out is due by the clock as it was
		due, lost := s.at(t, offset), s.at(t, before)
		if lost.Before(due) && lost.Before(from.Add(change)) {
			return lost
		}
		return due
	case change < 0 && !s.interval: // the clock shows again what it has shown
		if again := from.Add(-change); t.Before(again) {
			t = again
		}
	}
	return s.at(t, offset)
}

func offsetAt(t time.Time, zone *time.Location) time.Duration {
	_, seconds := t.In(zone).Zone()
	return time.Duration(seconds) * time.Second
}

// at is the first due time from t on, for a clock that is offset before UTC.
func (s *schedule) at(t time.Time, offset time.Duration) time.Time {
	return s.wall(t.UTC().Add(offset)).Add(-offset)
}

// calendar is after how many years the days of the year fall on the same days of
// the week again: a date that does not come within it never comes.
const calendar = 400

// wall is the first wall clock time from t on, written as a time in UTC, that the
// fields match; zero if there is none.
func (s *schedule) wall(t time.Time) time.Time {
	hour, minute, second := t.Clock()
	year, month, date := t.Date()
	for last := year + calendar; year <= last; {
		if !has(s.month, int(month)) {
			first := time.Date(year, month+1, 1, 0, 0, 0, 0, time.UTC)
			year, month, date = first.Date()
			hour, minute, second = 0, 0, 0
			continue
		}
		today := time.Date(year, month, date, 0, 0, 0, 0, time.UTC)
		if s.onDay(today) {
			if clock, ok := s.clock(hour, minute, second); ok {
				return today.Add(clock)
			}
		}
		year, month, date = today.AddDate(0, 0, 1).Date()
		hour, minute, second = 0, 0, 0
	}
	return time.Time{}
}

func (s *schedule) onDay(t time.Time) bool {
	day, weekday := has(s.day, t.Day()), has(s.weekday, int(t.Weekday()))
	if s.eitherDay && s.day&star == 0 && s.weekday&star == 0 {
		return day || weekday
	}
	return day && weekday
}

// clock is the first time of day from the given one on that the fields match.
func (s *schedule) clock(hour, minute, second int) (time.Duration, bool) {
	for ; hour < 24; hour, minute, second = hour+1, 0, 0 {
		if !has(s.hour, hour) {
			continue
		}
		for ; minute < 60; minute, second = minute+1, 0 {
			if !has(s.minute, minute) {
				continue
			}
			for ; second < 60; second++ {
				if has(s.second, second) {
					return time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute + time.Duration(second)*time.Second, true
				}
			}
		}
	}
	return 0, false
}

func has(set uint64, n int) bool { return set>>n&1 == 1 }
