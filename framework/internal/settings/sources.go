package settings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	defaultFile  = "funchost.yaml"
	maxFileBytes = 1 << 20
)

// readArgs takes --key=value, --key value and, for booleans, --key. One dash is
// as good as two, as in the flag package.
func readArgs(keys []Key, args []string) (_ layer, help bool, _ error) {
	var (
		out  = make(layer)
		errs []error
	)
	for i := 0; i < len(args); i++ {
		name, dashed := cutDashes(args[i])
		if !dashed {
			errs = append(errs, fmt.Errorf("unexpected argument %q\n  settings are given as --key=value, --help lists them", args[i]))
			continue
		}
		name, text, hasValue := strings.Cut(name, "=")
		if name == "help" || name == "h" {
			return nil, true, nil
		}
		key, ok := find(keys, name)
		switch {
		case !ok:
			errs = append(errs, fmt.Errorf("flag --%s is not known%s", name, didYouMean("--"+name, flagNames(keys))))
			// Its value is not an argument of its own.
			if _, dashed := cutDashes(next(args, i)); !hasValue && !dashed {
				i++
			}
			continue
		case hasValue:
		case key.Kind == Bool:
			text = "true"
		case i+1 < len(args):
			i++
			text = args[i]
		default:
			errs = append(errs, fmt.Errorf("flag --%s has no value", name))
			continue
		}
		out[name] = value{text, Origin("flag --" + name)}
	}
	return out, false, errors.Join(errs...)
}

func next(args []string, i int) string {
	if i+1 < len(args) {
		return args[i+1]
	}
	return ""
}

func cutDashes(arg string) (string, bool) {
	if name, ok := strings.CutPrefix(arg, "--"); ok {
		return name, name != ""
	}
	name, ok := strings.CutPrefix(arg, "-")
	return name, ok && name != ""
}

// readEnviron takes the variables of the keys. Our own spelling wins over the
// foreign ones, and those over each other in the order of [Key.Env].
func readEnviron(keys []Key, environ, foreign []string) (layer, error) {
	var (
		out   = make(layer)
		known = slices.Clone(foreign)
		errs  []error
		set   = make(map[string]string)
	)
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if text != "" {
			set[name] = text
		}
	}
	for _, key := range keys {
		spellings := append([]string{EnvName(key.Name)}, key.Env...)
		known = append(known, spellings...)
		for _, name := range spellings {
			if text, ok := set[name]; ok {
				out[key.Name] = value{text, Origin("environment " + name)}
				break
			}
		}
	}
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, EnvPrefix) || slices.Contains(known, name) || serviceLink(name, text) {
			continue
		}
		errs = append(errs, fmt.Errorf("environment variable %s is not known%s", name, didYouMean(name, known)))
	}
	return out, errors.Join(errs...)
}

// serviceLink reports whether Kubernetes made the variable. It describes every
// service of the namespace to every pod, so a service called "funchost" or
// "funchost-scheduler" would otherwise keep hosts from starting.
func serviceLink(name, text string) bool {
	switch {
	case strings.HasSuffix(name, "_SERVICE_HOST"), strings.Contains(name, "_SERVICE_PORT"):
		return true
	case strings.HasSuffix(name, "_PORT"), strings.Contains(name, "_PORT_"):
		return strings.HasPrefix(text, "tcp://") || strings.HasPrefix(text, "udp://") ||
			strings.Contains(name, "_TCP") || strings.Contains(name, "_UDP")
	default:
		return false
	}
}

// readFile takes a flat YAML mapping of keys to plain values.
func readFile(keys []Key, path string, required bool) (layer, error) {
	text, err := readLimited(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !required:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read settings: %w", err)
	}
	var document yaml.Node
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&document); err != nil {
		if errors.Is(err, io.EOF) { // nothing but comments
			return nil, nil
		}
		return nil, fmt.Errorf("read settings from %s: %w", path, err)
	}
	root := document.Content[0]
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("read settings from %s: line %d: want lines of the form key: value", path, root.Line)
	}
	var (
		out  = make(layer)
		errs []error
	)
	for i := 0; i+1 < len(root.Content); i += 2 {
		name, node := root.Content[i], root.Content[i+1]
		origin := Origin(fmt.Sprintf("%s line %d", path, name.Line))
		_, known := find(keys, name.Value)
		_, twice := out[name.Value]
		switch {
		case !known || name.Value == FileKey:
			errs = append(errs, fmt.Errorf("setting %q (%s) is not known%s", name.Value, origin, didYouMean(name.Value, names(keys))))
		case twice:
			errs = append(errs, fmt.Errorf("setting %s (%s) is given twice", name.Value, origin))
		case node.Kind != yaml.ScalarNode:
			errs = append(errs, fmt.Errorf("setting %s (%s): want one plain value", name.Value, origin))
		case node.Tag != "!!null": // "key:" with nothing after it is not set
			out[name.Value] = value{node.Value, origin}
		}
	}
	return out, errors.Join(errs...)
}

func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFileBytes+1))
	if err == nil && len(text) > maxFileBytes {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFileBytes)
	}
	return text, err
}

// didYouMean returns a hint that begins with a new line, or nothing if no known
// name is close.
func didYouMean(got string, known []string) string {
	best, least := "", 1+len(got)/3
	for _, name := range known {
		if d := distance(strings.ToLower(got), strings.ToLower(name)); d <= least {
			best, least = name, d-1
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("\n  did you mean %s?", best)
}

// distance counts the insertions, deletions and substitutions between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			substitute := diagonal
			if a[i] != b[j] {
				substitute++
			}
			diagonal = row[j+1]
			row[j+1] = min(substitute, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

type argsKey struct{}

// WithArgs gives whatever app is run under the context these arguments, as if the
// program had been called with them: for those who run apps of others and must have
// the last word.
func WithArgs(ctx context.Context, args ...string) context.Context {
	return context.WithValue(ctx, argsKey{}, args)
}

// ArgsFrom returns the arguments that ctx carries.
func ArgsFrom(ctx context.Context) []string {
	args, _ := ctx.Value(argsKey{}).([]string)
	return args
}
