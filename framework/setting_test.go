package framework

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/internal/settings"
)

const local = "Endpoint=http://127.0.0.1:8080;Authentication=None"

func TestSettingsChooseTheScheduler(t *testing.T) {
	t.Parallel()
	remote := func(hub string) target {
		return target{connection: dts.ConnectionString{Endpoint: "http://127.0.0.1:8080", TaskHub: hub, Authentication: dts.AuthNone}}
	}
	inProcess := func(dir, hub string) target {
		return target{embedded: true, dir: dir, connection: dts.ConnectionString{TaskHub: hub, Authentication: dts.AuthNone}}
	}
	for _, tc := range []struct {
		name    string
		args    []string
		environ []string
		absent  bool // no scheduler is linked
		want    target
	}{
		{name: "nothing set", want: inProcess("./.funchost", "")},
		{name: "nothing but the hub", environ: []string{"TASKHUB_NAME=blue"}, want: inProcess("./.funchost", "blue")},
		{name: "a worker that asks for a folder", args: []string{"--role=worker", "--scheduler=embedded:/data"}, want: inProcess("/data", "")},
		{name: "memory", args: []string{"--scheduler=memory"}, want: inProcess("", "")},
		{name: "memory in Kubernetes", args: []string{"--scheduler=memory"}, environ: []string{"KUBERNETES_SERVICE_HOST=10.0.0.1"}, want: inProcess("", "")},
		{name: "folder", args: []string{"--scheduler=embedded:/data"}, want: inProcess("/data", "")},
		{name: "connection string", environ: []string{"DTS_CONNECTION_STRING=" + local}, absent: true, want: remote("")},
		{name: "connection string of Azure's samples", environ: []string{"DURABLE_TASK_SCHEDULER_CONNECTION_STRING=" + local}, want: remote("")},
		{
			name:    "the shorter name before the longer",
			environ: []string{"DURABLE_TASK_SCHEDULER_CONNECTION_STRING=" + local + ";TaskHub=long", "DTS_CONNECTION_STRING=" + local + ";TaskHub=short"},
			want:    remote("short"),
		},
		{
			name:    "flag before the environment",
			args:    []string{"--scheduler=" + local + ";TaskHub=flag"},
			environ: []string{"DTS_CONNECTION_STRING=" + local + ";TaskHub=env"},
			want:    remote("flag"),
		},
		{name: "hub from its own variable", environ: []string{"DTS_CONNECTION_STRING=" + local, "TASKHUB_NAME=blue"}, want: remote("blue")},
		{name: "hub named twice alike", environ: []string{"DTS_CONNECTION_STRING=" + local + ";TaskHub=blue", "TASKHUB_NAME=blue"}, want: remote("blue")},
		{name: "in Kubernetes", environ: []string{"DTS_CONNECTION_STRING=" + local, "KUBERNETES_SERVICE_HOST=10.0.0.1"}, want: remote("")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v, err := loadSettings(tc.args, tc.environ, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := chooseScheduler(v, tc.environ, !tc.absent)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmp.AllowUnexported(target{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSettingsThatChooseNoSchedulerSayTheWayOut(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		args    []string
		environ []string
		absent  bool
		wants   []string
	}{
		{"nothing set and none linked", nil, nil, true, []string{"DTS_CONNECTION_STRING", "framework/embedded"}},
		{"nothing set in Kubernetes", nil, []string{"KUBERNETES_SERVICE_HOST=10.0.0.1"}, false, []string{"DTS_CONNECTION_STRING", "--scheduler=embedded:DIR"}},
		{"nothing set in Container Apps", nil, []string{"CONTAINER_APP_NAME=orders"}, false, []string{"DTS_CONNECTION_STRING"}},
		{"nothing set for a worker", []string{"--role=worker"}, nil, false, []string{"role worker", "DTS_CONNECTION_STRING", "--scheduler=embedded:DIR"}},
		{"nothing set for an api host", nil, []string{"FUNCHOST_ROLE=api"}, false, []string{"role api", "DTS_CONNECTION_STRING"}},
		{"memory and none linked", []string{"--scheduler=memory"}, nil, true, []string{"flag --scheduler", "framework/embedded"}},
		{"folder without a name", []string{"--scheduler=embedded:"}, nil, false, []string{"flag --scheduler", "embedded:/data"}},
		{"something else", []string{"--scheduler=postgres"}, nil, false, []string{"flag --scheduler", "memory, embedded:DIR"}},
		{"half a connection string", nil, []string{"DTS_CONNECTION_STRING=Endpoint=http://127.0.0.1:8080"}, false, []string{"environment DTS_CONNECTION_STRING", "Authentication"}},
		{
			"two hubs", nil,
			[]string{"DTS_CONNECTION_STRING=" + local + ";TaskHub=blue", "TASKHUB_NAME=green"},
			false,
			[]string{`"blue" (environment DTS_CONNECTION_STRING)`, `"green" (environment TASKHUB_NAME)`},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			v, err := loadSettings(tc.args, tc.environ, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, err = chooseScheduler(v, tc.environ, !tc.absent)
			if _, ok := errors.AsType[usageError](err); !ok {
				t.Fatalf("error %v, want a usage error", err)
			}
			for _, want := range tc.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
		})
	}
}

func TestConnectionStringIsNotRepeatedInErrors(t *testing.T) {
	t.Parallel()
	const canary = "s3cret-canary"
	environ := []string{"DTS_CONNECTION_STRING=Endpoint=http://127.0.0.1:8080;AccessKey=" + canary}
	v, err := loadSettings(nil, environ, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = chooseScheduler(v, environ, true); err == nil || strings.Contains(err.Error(), canary) {
		t.Errorf("error %v, want one without the key", err)
	}
}

func TestSettingsThatDoNotFitTogetherAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		args  []string
		wants []string
	}{
		{"address without port", []string{"--listen=localhost"}, []string{"setting listen (flag --listen)", "host:port"}},
		{"admin address without port", []string{"--admin-listen=x"}, []string{"setting admin-listen"}},
		{"no requests at all", []string{"--max-requests=0"}, []string{"max-requests", "above zero"}},
		{"no turns at all", []string{"--max-orchestrations=0"}, []string{"max-orchestrations", "above zero"}},
		{"no activities at all", []string{"--max-activities=0"}, []string{"max-activities", "above zero"}},
		{"no entities at all", []string{"--max-entities=0"}, []string{"max-entities", "above zero"}},
		{"no time to stop", []string{"--shutdown-timeout=0s"}, []string{"shutdown-timeout", "above zero"}},
		{"a version that others cannot be older than", []string{"--worker-version-match=current-or-older"}, []string{"flag --worker-version-match", "needs worker-version"}},
		{"grace longer than half the stop", []string{"--shutdown-grace=20s"}, []string{"20s", "30s (default)"}},
		{"management without a listener", []string{"--management-api", "--listen=none"}, []string{"management-api is on (flag --management-api)", "listen is none"}},
		{"management for everybody", []string{"--management-api", "--listen=0.0.0.0:80"}, []string{"management-api is on (flag --management-api)", "0.0.0.0:80 (flag --listen)"}},
		{"management on all interfaces", []string{"--management-api", "--listen=:80"}, []string{"management-api is on"}},
		{"management on all interfaces of v6", []string{"--management-api", "--listen=[::]:80"}, []string{"management-api is on"}},
		{"management under a name", []string{"--management-api", "--listen=example.com:80"}, []string{"management-api is on"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := loadSettings(tc.args, nil, nil)
			if _, ok := errors.AsType[usageError](err); !ok {
				t.Fatalf("error %v, want a usage error", err)
			}
			for _, want := range tc.wants {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not contain %q", err, want)
				}
			}
		})
	}
	for _, args := range [][]string{
		{"--management-api", "--listen=127.0.0.1:80"},
		{"--management-api", "--listen=localhost:80"},
		{"--management-api", "--listen=[::1]:80"},
		{"--listen=0.0.0.0:80"},
		{"--management-api", "--listen=0.0.0.0:80", "--role=worker"},
		{"--admin-listen=none"},
		{"--listen=none"},
	} {
		if _, err := loadSettings(args, nil, nil); err != nil {
			t.Errorf("%v: %v", args, err)
		}
	}
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/settings.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		for _, name := range append([]string{"`" + key.Name + "`", settings.EnvName(key.Name)}, key.Env...) {
			if !strings.Contains(string(page), name) {
				t.Errorf("docs/settings.md does not name %s", name)
			}
		}
		if key.Default != "" && !strings.Contains(string(page), "`"+key.Default+"`") {
			t.Errorf("docs/settings.md does not give the default %q of %s", key.Default, key.Name)
		}
	}
}
