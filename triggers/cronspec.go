package triggers

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // an image without zone files must know the zone too
	"unicode"

	"github.com/robfig/cron/v3"
)

// maxSpec bounds the text of a schedule; the longest sensible list has fewer
// characters.
const maxSpec = 1000

// maxEvery keeps the due times of @every within what a time.Duration can say.
const maxEvery = 10 * 365 * 24 * time.Hour

// parseSchedule reads the text of a schedule. A zone can stand in front of it, as
// in CRON_TZ=Europe/Lisbon, or be given apart; none is UTC.
//
// The parser of robfig/cron does the fields. It panics on some texts and takes
// others for something that nobody meant; those are refused before it sees them.
func parseSchedule(spec, zone string, eitherDay bool) (*schedule, error) {
	s, err := parse(spec, zone)
	if err != nil {
		return nil, fmt.Errorf("schedule %q: %w", spec, err)
	}
	s.eitherDay = eitherDay
	if s.every == 0 && s.wall(time.Unix(0, 0).UTC()).IsZero() {
		return nil, fmt.Errorf("schedule %q: it is never due: no day has that date", spec)
	}
	return s, nil
}

func parse(spec, zone string) (*schedule, error) {
	if len(spec) > maxSpec {
		return nil, fmt.Errorf("it is longer than %d characters", maxSpec)
	}
	text, zone, err := cutZone(strings.TrimSpace(spec), zone)
	if err != nil {
		return nil, err
	}
	location, err := loadZone(zone)
	if err != nil {
		return nil, err
	}
	if rest, ok := strings.CutPrefix(text, "@every"); ok {
		return parseEvery(rest, location)
	}
	fields := strings.Fields(text)
	if err := checkFields(fields); err != nil {
		return nil, err
	}
	parser := cron.NewParser(cron.SecondOptional | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	parsed, err := parser.Parse(text)
	if err != nil {
		// What the parser says ends with words of the library that reads its numbers.
		problem, _, _ := strings.Cut(err.Error(), ": strconv.")
		return nil, fmt.Errorf("%s\n  want [second] minute hour day month weekday (0-6 or SUN-SAT), as in \"30 9 * * MON-FRI\", or @hourly, @daily, @every 90m", problem)
	}
	f, ok := parsed.(*cron.SpecSchedule)
	if !ok {
		return nil, fmt.Errorf("the parser made a %T of it", parsed)
	}
	s := &schedule{
		second: f.Second, minute: f.Minute, hour: f.Hour,
		day: f.Dom, month: f.Month, weekday: f.Dow,
		zone: location,
	}
	// A schedule that says at which hours it is due is due once at each of them.
	// One that is due every hour, or every few, goes on through a change of clocks.
	s.interval = bits.OnesCount64(f.Hour&^star) == 24 || len(fields) > 4 && strings.Contains(fields[len(fields)-4], "/")
	return s, nil
}

// cutZone takes the zone off the front of a schedule.
func cutZone(text, zone string) (fields, name string, err error) {
	for _, prefix := range []string{"CRON_TZ=", "TZ="} {
		rest, ok := strings.CutPrefix(text, prefix)
		if !ok {
			continue
		}
		end := strings.IndexFunc(rest, unicode.IsSpace)
		switch {
		case end < 0:
			return "", "", fmt.Errorf("there is nothing after %s%s", prefix, rest)
		case end == 0:
			return "", "", fmt.Errorf("%s names no time zone", prefix)
		case zone != "" && zone != rest[:end]:
			return "", "", fmt.Errorf("it has two time zones, %q and %q\n  remove one of them", rest[:end], zone)
		}
		return strings.TrimSpace(rest[end:]), rest[:end], nil
	}
	return text, zone, nil
}

func loadZone(name string) (*time.Location, error) {
	switch name {
	case "":
		return time.UTC, nil
	case "Local":
		return nil, errors.New("the time zone Local means another one on each host\n  name it, as in Europe/Lisbon")
	}
	location, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("the time zone %q is not known\n  want a name of the IANA database, as in Europe/Lisbon", name)
	}
	return location, nil
}

func parseEvery(text string, zone *time.Location) (*schedule, error) {
	every, err := time.ParseDuration(strings.TrimSpace(text))
	switch {
	case err != nil: // also one that a time.Duration cannot hold
		return nil, fmt.Errorf("%q is no duration of at most ten years\n  want @every 90s, @every 1h30m", strings.TrimSpace(text))
	case every > maxEvery:
		return nil, fmt.Errorf("@every takes ten years at most, which is %v, not %v", maxEvery, every)
	case every < time.Second || every%time.Second != 0:
		return nil, fmt.Errorf("@every takes whole seconds, one at the least, not %v", every)
	}
	return &schedule{every: every, zone: zone}, nil
}

// checkFields refuses what the parser would panic on or misunderstand.
func checkFields(fields []string) error {
	if len(fields) == 0 {
		return errors.New("it is empty")
	}
	for i, field := range fields {
		if strings.ContainsFunc(field, func(r rune) bool {
			return r != '@' && !strings.ContainsRune("*?/,-", r) && !(r >= '0' && r <= '9') && !(r|0x20 >= 'a' && r|0x20 <= 'z')
		}) {
			return fmt.Errorf("%q has a character that no schedule has", field)
		}
		for item := range strings.SplitSeq(field, ",") {
			if item == "" {
				return fmt.Errorf("%q has an empty place in its list", field)
			}
			if len(item) > 1 && (item[0] == '*' || item[0] == '?') && item[1] != '/' {
				return fmt.Errorf("%q: only /step can follow %c", field, item[0])
			}
			if err := checkStep(item, i+len(sizes)-len(fields)); err != nil {
				return fmt.Errorf("%q: %w", field, err)
			}
		}
	}
	return nil
}

// sizes is how many values each field has, from second to weekday.
var sizes = [...]int{60, 60, 24, 31, 12, 7}

// checkStep refuses a step by which a field has one value, although it looks like
// more: every 90 minutes is not */90.
func checkStep(item string, at int) error {
	_, text, found := strings.Cut(item, "/")
	step, err := strconv.Atoi(text)
	if !found || err != nil && !errors.Is(err, strconv.ErrRange) || at < 0 || at >= len(sizes) {
		return nil // the parser finds what is wrong with it
	}
	if err != nil || step > sizes[at] {
		return fmt.Errorf("a step of %s is more than the %d values of the field\n  use @every for longer intervals, as in @every 90m", text, sizes[at])
	}
	return nil
}
