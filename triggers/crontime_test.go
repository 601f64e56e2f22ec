package triggers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSchedulesAreDueByTheWallClockOfTheirZone(t *testing.T) {
	t.Parallel()
	const (
		newYork  = "America/New_York"
		berlin   = "Europe/Berlin"
		lordHowe = "Australia/Lord_Howe"
		saoPaulo = "America/Sao_Paulo"
	)
	for _, tc := range []struct {
		name, spec, zone, after string
		want                    []string
	}{
		{"five fields", "30 9 * * *", "", "2026-01-01T09:30:00Z", []string{"2026-01-02T09:30:00Z", "2026-01-03T09:30:00Z"}},
		{"six fields", "15 30 9 * * *", "", "2026-01-01T00:00:00.5Z", []string{"2026-01-01T09:30:15Z", "2026-01-02T09:30:15Z"}},
		{"every second", "* * * * * *", "", "2026-01-01T00:00:00.5Z", []string{"2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"}},
		{"steps and lists", "*/20 8,20 * * *", "", "2026-01-01T08:40:00Z", []string{"2026-01-01T20:00:00Z", "2026-01-01T20:20:00Z"}},
		{"names", "0 9 * JAN mon-fri", "", "2026-01-02T09:00:00Z", []string{"2026-01-05T09:00:00Z", "2026-01-06T09:00:00Z"}},
		{"the end of a year", "0 0 1 1 *", "", "2026-01-01T00:00:00Z", []string{"2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"}},
		{"a descriptor", "@monthly", "", "2026-01-15T00:00:00Z", []string{"2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"}},
		{"a zone in the text", "CRON_TZ=Asia/Tokyo 0 9 * * *", "", "2026-01-01T00:00:00Z", []string{"2026-01-02T09:00:00+09:00"}},
		{"the same zone twice", "TZ=Asia/Tokyo 0 9 * * *", "Asia/Tokyo", "2026-01-01T00:00:00Z", []string{"2026-01-02T09:00:00+09:00"}},
		{"both day fields", "0 9 1-7 * MON", "", "2026-01-01T00:00:00Z", []string{"2026-01-05T09:00:00Z", "2026-02-02T09:00:00Z"}},
		{"Friday the 13th", "0 0 13 * FRI", "", "2026-01-01T00:00:00Z", []string{"2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", "2026-11-13T00:00:00Z"}},
		{"a leap day", "0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z"}},
		{"ten years", "@every 87600h", "", "2096-03-01T00:00:00Z", []string{"2106-02-28T00:00:00Z", "2116-02-26T00:00:00Z", "2126-02-23T00:00:00Z"}},
		{"steps of all values", "*/60 0/24 */31 * *", "", "2026-01-05T00:00:00Z", []string{"2026-02-01T00:00:00Z"}},
		{"a leap day on a Monday", "0 0 29 2 MON", berlin, "2026-01-01T00:00:00Z", []string{"2044-02-29T00:00:00+01:00", "2072-02-29T00:00:00+01:00"}},

		{"a time in the spring gap", "30 2 * * *", newYork, "2026-03-07T12:00:00Z", []string{"2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"two times that meet behind the gap", "30 2,3 * * *", newYork, "2026-03-08T00:00:00Z", []string{"2026-03-08T03:30:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"every hour over the gap", "30 * * * *", newYork, "2026-03-08T05:45:00Z", []string{"2026-03-08T01:30:00-05:00", "2026-03-08T03:30:00-04:00", "2026-03-08T04:30:00-04:00"}},
		{"every two hours over the gap", "0 */2 * * *", newYork, "2026-03-08T04:30:00Z", []string{"2026-03-08T00:00:00-05:00", "2026-03-08T03:00:00-04:00", "2026-03-08T04:00:00-04:00"}},
		{"a time in the autumn hour", "30 1 * * *", newYork, "2026-10-31T12:00:00Z", []string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		{"every hour in the autumn", "30 * * * *", newYork, "2026-11-01T04:45:00Z", []string{"2026-11-01T01:30:00-04:00", "2026-11-01T01:30:00-05:00", "2026-11-01T02:30:00-05:00"}},
		{"every half hour in the autumn", "*/30 0-23 * * *", newYork, "2026-11-01T05:10:00Z", []string{"2026-11-01T01:30:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T01:30:00-05:00", "2026-11-01T02:00:00-05:00"}},
		{"named hours in the autumn", "*/30 1,2 * * *", newYork, "2026-11-01T05:10:00Z", []string{"2026-11-01T01:30:00-04:00", "2026-11-01T02:00:00-05:00"}},
		{"a start between the two hours", "30 1 * * *", newYork, "2026-11-01T06:10:00Z", []string{"2026-11-02T01:30:00-05:00"}},

		{"the gap of Berlin", "0 30 2 * * *", berlin, "2026-03-28T12:00:00Z", []string{"2026-03-29T03:30:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"the autumn of Berlin", "0 30 2 * * *", berlin, "2026-10-24T12:00:00Z", []string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"an interval in Berlin", "0 0 */1 * * *", berlin, "2026-10-24T23:30:00Z", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},

		{"the half-hour gap", "15 2 * * *", lordHowe, "2026-10-03T00:00:00Z", []string{"2026-10-04T02:45:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"behind the half-hour gap", "40 2 * * *", lordHowe, "2026-10-03T12:00:00Z", []string{"2026-10-04T02:40:00+11:00"}},
		{"the half hour that comes twice", "45 1 * * *", lordHowe, "2026-04-04T00:00:00Z", []string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		{"an interval in that half hour", "45 * * * *", lordHowe, "2026-04-04T14:00:00Z", []string{"2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30", "2026-04-05T02:45:00+10:30"}},

		{"a gap at midnight", "0 0 * * *", saoPaulo, "2018-11-03T12:00:00Z", []string{"2018-11-04T01:00:00-02:00", "2018-11-05T00:00:00-02:00"}},
		{"a day that was left out", "0 3 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", []string{"2011-12-31T03:00:00+14:00", "2012-12-30T03:00:00+14:00"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := parseSchedule(tc.spec, tc.zone, false)
			if err != nil {
				t.Fatal(err)
			}
			at, err := time.Parse(time.RFC3339, tc.after)
			if err != nil {
				t.Fatal(err)
			}
			s = s.anchored(at)
			var got []string
			for range tc.want {
				at = s.next(at)
				got = append(got, at.Format(time.RFC3339))
				if !s.due(at) || s.due(at.Add(time.Second)) && s.next(at) != at.Add(time.Second) {
					t.Errorf("%v is not what next says", at)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEitherDayIsEnoughWhenAsked(t *testing.T) {
	t.Parallel()
	s, err := parseSchedule("0 9 15 * MON", "", true)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 10, 0, 0, 0, 0, time.UTC)
	for _, want := range []int{12, 15, 19} {
		if at = s.next(at); at.Day() != want {
			t.Errorf("due on the %d, want the %d", at.Day(), want)
		}
	}
	if s, _ = parseSchedule("0 9 * * MON", "", true); s.next(at).Day() != 26 {
		t.Errorf("due at %v: a star is no alternative", s.next(at))
	}
}

func TestEveryIsCountedFromWhenItWasSet(t *testing.T) {
	t.Parallel()
	s, err := parseSchedule("@every 1h30m", "Europe/Berlin", false)
	if err != nil {
		t.Fatal(err)
	}
	set := time.Date(2026, 3, 29, 0, 10, 0, 123, time.UTC)
	s = s.anchored(set)
	for after, want := range map[time.Duration]time.Duration{
		-time.Hour:                 90 * time.Minute,
		0:                          90 * time.Minute,
		89 * time.Minute:           90 * time.Minute,
		90 * time.Minute:           3 * time.Hour,
		24*time.Hour + time.Second: 25*time.Hour + 30*time.Minute,
	} {
		if got := s.next(set.Add(after)).Sub(set.Truncate(time.Second)); got != want {
			t.Errorf("after %v: due at %v, want %v", after, got, want)
		}
	}
}

func TestMissedTicksAreCountedToALimit(t *testing.T) {
	t.Parallel()
	s, err := parseSchedule("@hourly", "", false)
	if err != nil {
		t.Fatal(err)
	}
	first := time.Date(2026, 1, 1, 1, 0, 0, 0, time.UTC)
	for last, want := range map[time.Duration]int{-time.Second: 0, 0: 1, 59 * time.Minute: 1, 2 * time.Hour: 3, 24 * time.Hour: 10} {
		if got := s.count(first, first.Add(last), 10); got != want {
			t.Errorf("%v later: %d, want %d", last, got, want)
		}
	}
}

// What goes wrong inside the parser, or is taken for something nobody meant, is
// in this table with the words that lead out.
func TestSchedulesThatMakeNoSenseAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, spec, zone, says string }{
		{"nothing", "", "", "it is empty"},
		{"white space", " \t", "", "it is empty"},
		{"a zone alone", "TZ=UTC", "", "nothing after TZ=UTC"},
		{"a zone alone by its other name", "CRON_TZ=UTC", "", "nothing after CRON_TZ=UTC"},
		{"a zone and a space", "TZ=UTC ", "", "nothing after TZ=UTC"},
		{"no zone", "TZ=", "", "nothing after TZ="},
		{"no zone before fields", "TZ= * * * * *", "", "names no time zone"},
		{"two zones", "TZ=UTC * * * * *", "Europe/Berlin", "two time zones"},
		{"a zone behind a zone", "TZ=UTC CRON_TZ=UTC * * * * *", "", "no schedule has"},
		{"an unknown zone", "* * * * *", "Europe/Atlantis", `zone "Europe/Atlantis" is not known`},
		{"an unknown zone in the text", "TZ=Mars * * * * *", "", `zone "Mars" is not known`},
		{"a path as a zone", "* * * * *", "../../etc/passwd", "is not known"},
		{"the zone of the host", "* * * * *", "Local", "another one on each host"},
		{"four fields", "* * * *", "", "found 4"},
		{"seven fields", "0 0 0 1 1 * 2026", "", "found 7"},
		{"Sunday as 7", "0 0 * * 7", "", "above maximum (6)"},
		{"the last day", "0 0 L * *", "", "SUN-SAT"},
		{"the second Friday", "0 0 * * 5#2", "", "no schedule has"},
		{"reboot", "@reboot", "", "@reboot"},
		{"upper case", "@EVERY 5m", "", "@EVERY"},
		{"every nothing", "@every", "", "is no duration"},
		{"every zero", "@every 0s", "", "one at the least"},
		{"every less than zero", "@every -5s", "", "one at the least"},
		{"every half second", "@every 500ms", "", "one at the least"},
		{"every second and a half", "@every 1500ms", "", "whole seconds"},
		{"every thousand years", "@every 8760000h", "", "at most ten years"},
		{"every eleven years", "@every 96360h", "", "ten years at most, which is 87600h0m0s"},
		{"every 90 minutes in the minutes", "*/90 * * * *", "", "@every 90m"},
		{"a step beyond a range", "1-59/100000000 * * * *", "", "a step of 100000000 is more than the 60 values"},
		{"a step beyond the hours", "0 0 */25 * * *", "", "the 24 values"},
		{"a very large step", "0 0 1/99999999999999999999 * *", "", "the 31 values"},
		{"30 February", "0 0 30 2 *", "", "never due"},
		{"31 in short months", "0 0 31 4,6,9,11 *", "", "never due"},
		{"a hole in a list", "1,,2 * * * *", "", "empty place"},
		{"a list that ends early", "1, * * * *", "", "empty place"},
		{"a comma", ", * * * *", "", "empty place"},
		{"a star and a number", "*5 * * * *", "", "only /step"},
		{"a star and a range", "*-5 * * * *", "", "only /step"},
		{"a step of zero", "*/0 * * * *", "", "positive"},
		{"a range backwards", "30-10 * * * *", "", "beyond end"},
		{"a minute too late", "60 * * * *", "", "above maximum"},
		{"a very large number", "99999999999999999999 * * * *", "", "99999999999999999999"},
		{"a long text", strings.Repeat("1,", 600) + "1 * * * *", "", "longer than"},
		{"other digits", "\u0661 * * * *", "", "no schedule has"},
		{"not UTF-8", "\xff * * * *", "", "no schedule has"},
		{"an at among fields", "@daily * * * *", "", "unrecognized"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s, err := parseSchedule(tc.spec, tc.zone, false)
			if err == nil {
				t.Fatalf("it was taken, next due %v", s.next(time.Now()))
			}
			if strings.Contains(err.Error(), "strconv") || !strings.Contains(err.Error(), tc.says) || !strings.HasPrefix(err.Error(), `schedule "`) {
				t.Errorf("error %q, want %q in it", err, tc.says)
			}
		})
	}
}

// FuzzSchedule reads any text as a schedule. What is taken has a next due time,
// which is later than the moment before it, and is due.
func FuzzSchedule(f *testing.F) {
	for _, seed := range []string{
		"* * * * * *", "TZ=UTC", "CRON_TZ=", "TZ= 1 2 3 4 5", "0 0 30 2 *", "1,,2 * * * *", "@every 1s", "@every 9999999h",
		"*/9223372036854775807 * * * *", "0 0 29 2 MON", "@daily x", "?/2 ? ? ? ?", "5-5/5 1-2,3-4 * * *", "0/59 0/23 L W #",
	} {
		f.Add(seed, "America/New_York", int64(1_772_000_000))
	}
	f.Fuzz(func(t *testing.T, spec, zone string, from int64) {
		s, err := parseSchedule(spec, zone, len(spec)%2 == 0)
		if err != nil {
			return
		}
		// Years of four digits, which RFC 3339 and so the ids can write.
		at := time.Unix(from%100_000_000_000, 0)
		s = s.anchored(at)
		for range 3 {
			next := s.next(at)
			if !next.After(at) || !s.due(next) {
				t.Fatalf("schedule %q in %q: after %v comes %v", spec, zone, at, next)
			}
			at = next
		}
	})
}
