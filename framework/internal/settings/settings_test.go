package settings_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/funchost/funchost/framework/internal/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var keys = []settings.Key{
	{Name: "listen", Default: "127.0.0.1:7071", Usage: "address"},
	{Name: "scheduler", Env: []string{"DTS_CONNECTION_STRING", "OTHER_CONNECTION_STRING"}, Usage: "where"},
	{Name: "management-api", Kind: settings.Bool, Default: "false", Usage: "on or off"},
	{Name: "shutdown-timeout", Kind: settings.Duration, Default: "30s", Usage: "time"},
	{Name: "max-requests", Kind: settings.Number, Default: "10", Usage: "count"},
	{Name: "log-level", Default: "info", Choices: []string{"debug", "info", "warn"}, Usage: "level"},
	{Name: settings.FileKey, Usage: "file"},
}

// file writes a settings file and returns the flag that names it.
func file(t *testing.T, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "funchost.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNearerSourceWins(t *testing.T) {
	t.Parallel()
	path := file(t, "# a comment\nlisten: from-file\nmanagement-api: true\n")
	program := map[string]string{"listen": "from-program"}
	env := "FUNCHOST_LISTEN=from-env"
	for _, tc := range []struct {
		name, text, origin string
		from               settings.Sources
	}{
		{"default", "127.0.0.1:7071", "default", settings.Sources{}},
		{"program over default", "from-program", "program", settings.Sources{Program: program}},
		{"file over program", "from-file", path + " line 2", settings.Sources{Program: program, Args: []string{"--config", path}}},
		{"environment over file", "from-env", "environment FUNCHOST_LISTEN", settings.Sources{
			Program: program, Args: []string{"--config", path}, Environ: []string{env},
		}},
		{"flag over environment", "from-flag", "flag --listen", settings.Sources{
			Program: program, Args: []string{"--config", path, "--listen=from-flag"}, Environ: []string{env},
		}},
		{"empty environment counts as not set", "127.0.0.1:7071", "default", settings.Sources{Environ: []string{"FUNCHOST_LISTEN="}}},
		{"file named by the environment", "from-file", path + " line 2", settings.Sources{Environ: []string{"FUNCHOST_CONFIG=" + path}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v, err := settings.Load(keys, tc.from)
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Text("listen"); got != tc.text {
				t.Errorf("listen = %q, want %q", got, tc.text)
			}
			if got := string(v.Origin("listen")); got != tc.origin {
				t.Errorf("origin = %q, want %q", got, tc.origin)
			}
		})
	}
}

func TestForeignEnvironmentNamesComeAfterOurs(t *testing.T) {
	t.Parallel()
	environ := []string{"OTHER_CONNECTION_STRING=c", "DTS_CONNECTION_STRING=b", "FUNCHOST_SCHEDULER=a"}
	for i, want := range []string{"c", "b", "a"} {
		v, err := settings.Load(keys, settings.Sources{Environ: environ[:i+1]})
		if err != nil {
			t.Fatal(err)
		}
		if got := v.Text("scheduler"); got != want {
			t.Errorf("with %v: scheduler = %q, want %q", environ[:i+1], got, want)
		}
	}
}

func TestFlagsAreReadInEverySpelling(t *testing.T) {
	t.Parallel()
	v, err := settings.Load(keys, settings.Sources{
		Args: []string{"-listen", "a:1", "--management-api", "--shutdown-timeout=2m", "--max-requests", "7"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if v.Text("listen") != "a:1" || !v.Bool("management-api") || v.Duration("shutdown-timeout") != 2*time.Minute || v.Number("max-requests") != 7 {
		t.Errorf("listen %q, management-api %v, shutdown-timeout %v, max-requests %v",
			v.Text("listen"), v.Bool("management-api"), v.Duration("shutdown-timeout"), v.Number("max-requests"))
	}
	v, err = settings.Load(keys, settings.Sources{Args: []string{"--management-api=false"}, Environ: []string{"FUNCHOST_MANAGEMENT_API=true"}})
	if err != nil || v.Bool("management-api") {
		t.Errorf("management-api = %v, %v, want false by the flag", v.Bool("management-api"), err)
	}
}

func TestHelpIsAskedFor(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"-h", "--help", "-help"} {
		if _, err := settings.Load(keys, settings.Sources{Args: []string{arg}}); !errors.Is(err, settings.ErrHelp) {
			t.Errorf("%s: %v, want ErrHelp", arg, err)
		}
	}
	var b strings.Builder
	settings.WriteUsage(&b, keys)
	for _, k := range keys {
		if !strings.Contains(b.String(), "--"+k.Name) || !strings.Contains(b.String(), settings.EnvName(k.Name)) {
			t.Errorf("usage does not name %s", k.Name)
		}
	}
}

func TestMistakesNameTheirPlaceAndTheWayOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		from  settings.Sources
		file  string
		wants []string
	}{
		{"unknown flag", settings.Sources{Args: []string{"--lisen=x"}}, "", []string{"flag --lisen is not known", "did you mean --listen?"}},
		{"unknown flag with a value of its own", settings.Sources{Args: []string{"--lisen", "x"}}, "", []string{"flag --lisen is not known"}},
		{"argument", settings.Sources{Args: []string{"serve"}}, "", []string{`unexpected argument "serve"`, "--help"}},
		{"flag without value", settings.Sources{Args: []string{"--listen"}}, "", []string{"flag --listen has no value"}},
		{"flag that does not parse", settings.Sources{Args: []string{"--shutdown-timeout=soon"}}, "", []string{"setting shutdown-timeout (flag --shutdown-timeout)", `"soon"`}},
		{"negative duration", settings.Sources{Args: []string{"--shutdown-timeout=-1s"}}, "", []string{`"-1s" is not a duration`}},
		{"boolean", settings.Sources{Args: []string{"--management-api=yes"}}, "", []string{`"yes" is neither true nor false`}},
		{"number", settings.Sources{Args: []string{"--max-requests=-1"}}, "", []string{`"-1" is not a whole number`}},
		{"choice", settings.Sources{Args: []string{"--log-level=wran"}}, "", []string{"debug, info, warn", "did you mean warn?"}},
		{"unknown variable", settings.Sources{Environ: []string{"FUNCHOST_LISTN=x"}}, "", []string{"environment variable FUNCHOST_LISTN is not known", "did you mean FUNCHOST_LISTEN?"}},
		{"unknown program key", settings.Sources{Program: map[string]string{"listenn": "x"}}, "", []string{`setting "listenn" (program) is not known`, "did you mean listen?"}},
		{"unknown line", settings.Sources{}, "listen: a\nlog-leval: info\n", []string{`setting "log-leval"`, "line 2", "did you mean log-level?"}},
		{"line that does not parse", settings.Sources{}, "\nmanagement-api: maybe\n", []string{"setting management-api", "line 2", `"maybe"`}},
		{"line given twice", settings.Sources{}, "listen: a\nlisten: b\n", []string{"listen", "line 2"}},
		{"line with a list", settings.Sources{}, "listen: [a, b]\n", []string{"setting listen", "one plain value"}},
		{"file that is no mapping", settings.Sources{}, "- listen\n", []string{"line 1", "key: value"}},
		{"file that is no YAML", settings.Sources{}, "listen: [\n", []string{"funchost.yaml"}},
		{"file that names a file", settings.Sources{}, "config: other.yaml\n", []string{`setting "config"`}},
		{"file that is missing", settings.Sources{Args: []string{"--config=no-such-file.yaml"}}, "", []string{"no-such-file.yaml"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.file != "" {
				tc.from.Args = append(tc.from.Args, "--config", file(t, tc.file))
			}
			_, err := settings.Load(keys, tc.from)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tc.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
		})
	}
}

func TestAllMistakesAreReturnedTogether(t *testing.T) {
	t.Parallel()
	_, err := settings.Load(keys, settings.Sources{
		Args:    []string{"--nope=1", "--log-level=loud"},
		Environ: []string{"FUNCHOST_NOPE=1", "FUNCHOST_MAX_REQUESTS=many"},
		Program: map[string]string{"nope-too": "1"},
	})
	for _, want := range []string{"--nope", "loud", "FUNCHOST_NOPE", "many", "nope-too"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not contain %q", err, want)
		}
	}
}

func TestEmptyFileSetsNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"\n", "# nothing\n", "---\n", "listen:\n"} {
		v, err := settings.Load(keys, settings.Sources{Args: []string{"--config", file(t, text)}})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if v.Origin("listen") != settings.Default {
			t.Errorf("%q: listen comes from %s, want the default", text, v.Origin("listen"))
		}
	}
}

func TestServiceLinksOfKubernetesAreNoSettings(t *testing.T) {
	t.Parallel()
	_, err := settings.Load(keys, settings.Sources{
		Environ: []string{
			"FUNCHOST_PORT=tcp://10.0.0.1:80",
			"FUNCHOST_PORT_80_TCP=tcp://10.0.0.1:80",
			"FUNCHOST_PORT_80_TCP_ADDR=10.0.0.1",
			"FUNCHOST_PORT_80_TCP_PROTO=tcp",
			"FUNCHOST_SERVICE_HOST=10.0.0.1",
			"FUNCHOST_SCHEDULER_SERVICE_PORT_GRPC=8080",
			"FUNCHOST_CHILD=x",
		},
		Foreign: []string{"FUNCHOST_CHILD"},
	})
	if err != nil {
		t.Error(err)
	}
	if _, err = settings.Load(keys, settings.Sources{Environ: []string{"FUNCHOST_PORT=80"}}); err == nil {
		t.Error("FUNCHOST_PORT=80 was ignored, it is the mistake of a person")
	}
}

func FuzzArgsAndFile(f *testing.F) {
	f.Add("--listen=a", "listen: a\n")
	f.Add("--listen", "listen: {a: b}\n")
	f.Add("---", "a: &a\n  b: *a\n")
	f.Add("-", "listen: !!binary aGk=\n? a\n")
	f.Add("--=", "\xff")
	f.Fuzz(func(t *testing.T, arg, text string) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Skip()
		}
		v, err := settings.Load(keys, settings.Sources{Args: []string{"--config", path, arg}})
		if err != nil {
			return
		}
		v.Bool("management-api")
		v.Duration("shutdown-timeout")
		v.Number("max-requests")
	})
}
