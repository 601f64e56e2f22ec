// Package settings merges the four places a setting can come from and
// remembers the place: flag, then environment, then file, then the program,
// then the default. A key that nobody knows and a value that does not parse are
// errors that name where they stand; all of them are returned together.
package settings

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kind is what the text of a value must parse as.
type Kind int

// The kinds of values.
const (
	Text     Kind = iota // anything
	Bool                 // true or false; a flag without a value is true
	Duration             // a Go duration that is not negative, as 30s
	Number               // a whole number that is not negative
)

// Key is one setting. The key "listen" is the flag --listen, the environment
// variable FUNCHOST_LISTEN and the line listen: in the file.
type Key struct {
	Name    string
	Kind    Kind
	Default string
	Choices []string // the only values allowed, if there are any
	Env     []string // environment names of others for the same thing, read after ours
	Usage   string   // half a sentence for --help
}

// FileKey is the key that names the file. It is read from flags and the
// environment only.
const FileKey = "config"

// EnvPrefix stands before the environment spelling of every key.
const EnvPrefix = "FUNCHOST_"

// EnvName returns the environment spelling of a key.
func EnvName(key string) string {
	return EnvPrefix + strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
}

// ErrHelp is returned by [Load] when the arguments ask for help.
var ErrHelp = errors.New("help was asked for")

// Sources are the places that [Load] reads.
type Sources struct {
	Args    []string          // of the command, without its name
	Environ []string          // as os.Environ returns it
	Foreign []string          // environment names with our prefix that are not settings
	Program map[string]string // set by the program itself
}

// Origin says where a value was found, in words: "flag --listen",
// "environment FUNCHOST_LISTEN", "funchost.yaml line 3", "program", "default".
type Origin string

// Default is the origin of values that nobody set.
const Default Origin = "default"

type value struct {
	text   string
	origin Origin
}

// Values are the settings after the merge.
type Values struct {
	keys   []Key
	values map[string]value
}

// Load merges the sources. Environment variables that are empty count as not
// set.
func Load(keys []Key, from Sources) (*Values, error) {
	v := &Values{keys: keys, values: make(map[string]value)}
	flags, help, err := readArgs(keys, from.Args)
	if help {
		return v, ErrHelp
	}
	env, envErr := readEnviron(keys, from.Environ, from.Foreign)
	program, programErr := readProgram(keys, from.Program)

	path, required := defaultFile, false
	for _, layer := range []layer{program, env, flags} {
		if set, ok := layer[FileKey]; ok {
			path, required = set.text, true
		}
	}
	file, fileErr := readFile(keys, path, required)

	var errs []error
	errs = append(errs, err, envErr, fileErr, programErr)
	for _, key := range keys {
		v.values[key.Name] = value{key.Default, Default}
		for _, layer := range []layer{program, file, env, flags} {
			set, ok := layer[key.Name]
			if !ok {
				continue
			}
			if err := key.check(set.text); err != nil {
				errs = append(errs, fmt.Errorf("setting %s (%s): %w", key.Name, set.origin, err))
			}
			v.values[key.Name] = set
		}
	}
	return v, errors.Join(errs...)
}

// check reports why text cannot be a value of the key. It does not repeat text
// that may hold a secret: keys of kind Text without choices take anything.
func (k Key) check(text string) error {
	var err error
	switch k.Kind {
	case Bool:
		if _, err = strconv.ParseBool(text); err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
	case Duration:
		if d, err := time.ParseDuration(text); err != nil || d < 0 {
			return fmt.Errorf("%q is not a duration such as 30s or 2m", text)
		}
	case Number:
		if _, err = strconv.ParseUint(text, 10, 31); err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
	case Text:
	}
	if len(k.Choices) > 0 && !slices.Contains(k.Choices, text) {
		return fmt.Errorf("%q is not one of %s%s", text, strings.Join(k.Choices, ", "), didYouMean(text, k.Choices))
	}
	return nil
}

// Text returns the value of a key as it was written.
func (v *Values) Text(key string) string { return v.get(key).text }

// Bool returns the value of a key of kind [Bool].
func (v *Values) Bool(key string) bool {
	b, err := strconv.ParseBool(v.get(key).text)
	return must(key, b, err)
}

// Duration returns the value of a key of kind [Duration].
func (v *Values) Duration(key string) time.Duration {
	d, err := time.ParseDuration(v.get(key).text)
	return must(key, d, err)
}

// Number returns the value of a key of kind [Number].
func (v *Values) Number(key string) int {
	n, err := strconv.Atoi(v.get(key).text)
	return must(key, n, err)
}

// Origin returns where the value of a key was found.
func (v *Values) Origin(key string) Origin { return v.get(key).origin }

func (v *Values) get(key string) value {
	got, ok := v.values[key]
	if !ok {
		panic("BUG: setting " + key + " is not declared")
	}
	return got
}

// must holds for every Values that Load returned without an error.
func must[T any](key string, got T, err error) T {
	if err != nil {
		panic("BUG: setting " + key + " was not checked: " + err.Error())
	}
	return got
}

// WriteUsage prints one paragraph per key for --help.
func WriteUsage(w io.Writer, keys []Key) {
	for _, k := range keys {
		fmt.Fprintf(w, "  --%s%s\n      %s", k.Name, k.placeholder(), k.Usage)
		if k.Default != "" {
			fmt.Fprintf(w, " (default %s)", k.Default)
		}
		names := append([]string{EnvName(k.Name)}, k.Env...)
		fmt.Fprintf(w, "\n      environment: %s\n", strings.Join(names, ", "))
	}
}

func (k Key) placeholder() string {
	switch {
	case k.Kind == Bool:
		return ""
	case len(k.Choices) > 0:
		return "=" + strings.Join(k.Choices, "|")
	case k.Kind == Duration:
		return "=DURATION"
	case k.Kind == Number:
		return "=N"
	default:
		return "=VALUE"
	}
}

// names returns the names of the keys in order.
func names(keys []Key) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = k.Name
	}
	return out
}

// flagNames are the keys as they stand on a command line.
func flagNames(keys []Key) []string {
	out := names(keys)
	for i := range out {
		out[i] = "--" + out[i]
	}
	return out
}

func find(keys []Key, name string) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// layer is what one source says.
type layer map[string]value

func readProgram(keys []Key, set map[string]string) (layer, error) {
	var (
		out  = make(layer)
		errs []error
	)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if _, ok := find(keys, name); !ok {
			errs = append(errs, fmt.Errorf("setting %q (program) is not known%s", name, didYouMean(name, names(keys))))
			continue
		}
		out[name] = value{set[name], "program"}
	}
	return out, errors.Join(errs...)
}
