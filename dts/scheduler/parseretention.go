package scheduler

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/funchost/funchost/dts"
)

// ParseRetention reads what people write: AGE for all orchestrations, STATUS=AGE for
// those that end with a status, HUB/AGE and HUB/STATUS=AGE for those of one hub. An age
// is a Go duration of a minute or more, or days as in 30d; 0 is [Forever]. What a hub
// does not say of itself is as for all. The results are for [Config.Retention] and
// [Config.HubRetention].
func ParseRetention(values []string) (all Retention, hubs map[string]Retention, _ error) {
	all, hubs = Retention{ByStatus: map[dts.Status]time.Duration{}}, map[string]Retention{}
	var ofHubs []string
	for _, value := range values {
		if strings.Contains(value, "/") {
			ofHubs = append(ofHubs, value)
			continue
		}
		if err := addRetention(&all, value); err != nil {
			return Retention{}, nil, retentionError(value, err)
		}
	}
	for _, value := range ofHubs {
		hub, rest, _ := strings.Cut(value, "/")
		own, ok := hubs[hub]
		if !ok {
			own = Retention{Age: all.Age, ByStatus: maps.Clone(all.ByStatus)}
		}
		if err := addRetention(&own, rest); err != nil {
			return Retention{}, nil, retentionError(value, err)
		}
		hubs[hub] = own
	}
	return all, hubs, nil
}

func retentionError(value string, err error) error {
	return fmt.Errorf("retention %s: %w\n  write an age such as 30d or 12h, 0 is for ever; STATUS=AGE and HUB/AGE are for one status, one hub", value, err)
}

// addRetention takes AGE or STATUS=AGE.
func addRetention(r *Retention, value string) error {
	name, text, ofStatus := strings.Cut(value, "=")
	if !ofStatus {
		text = value
	}
	age, err := parseAge(text)
	if err != nil {
		return err
	}
	if !ofStatus {
		r.Age = age
		return nil
	}
	status, err := dts.ParseStatus(name)
	if err != nil {
		return err
	}
	if !status.Terminal() {
		return fmt.Errorf("no orchestration ends with status %s", status)
	}
	r.ByStatus[status] = age
	return nil
}

// parseAge reads a duration that may be in days.
func parseAge(text string) (time.Duration, error) {
	var age time.Duration
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no number of days", days)
		}
		age = time.Duration(n) * 24 * time.Hour
	} else {
		var err error
		if age, err = time.ParseDuration(text); err != nil {
			return 0, fmt.Errorf("%q is no age", text)
		}
	}
	switch {
	case age == 0:
		return Forever, nil
	case age < time.Minute:
		return 0, errors.New("an age is a minute or more")
	default:
		return age, nil
	}
}
