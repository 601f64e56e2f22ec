package scheduler_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/dts/dtstest"
	"github.com/funchost/funchost/dts/scheduler"
)

func TestHubsAreThoseThatWereUsed(t *testing.T) {
	t.Parallel()
	server, err := scheduler.New(scheduler.Config{Listen: "none"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	<-server.Ready()
	if got := server.Hubs(); len(got) > 0 {
		t.Errorf("hubs at the start are %q, want none", got)
	}
	for _, hub := range []string{"second", "first"} {
		c, err := dts.Dial(server.ConnectionString(hub), dts.WithConn(server.Conn()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Start(t.Context(), dts.StartRequest{Name: "anything"}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"first", "second"}, server.Hubs()); diff != "" {
		t.Errorf("hubs (-want +got):\n%s", diff)
	}
}

func TestNameThatNoHubCanHaveIsRefusedWithTheRule(t *testing.T) {
	t.Parallel()
	server := dtstest.Start(t)
	for name, want := range map[string]string{
		"ab":       "ab: a name has 3 to 45 letters, digits and hyphens and begins with a letter",
		"7th-hub":  "begins with a letter",
		"my_hub":   "letters, digits and hyphens",
		"with a b": "letters, digits and hyphens",
	} {
		c, err := dts.Dial(dts.ConnectionString{TaskHub: name, Authentication: dts.AuthNone}, dts.WithConn(server.Conn()))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Start(t.Context(), dts.StartRequest{Name: "anything"}); !errors.Is(err, dts.ErrNotFound) || !strings.Contains(err.Error(), want) {
			t.Errorf("start in hub %q: %v, want a refusal with %q", name, err, want)
		}
	}
}

func TestServerHasTheHubsOfItsList(t *testing.T) {
	t.Parallel()
	s, err := scheduler.New(scheduler.Config{Listen: "none", Hubs: []string{"orders", "stock"}})
	must(t, err)
	run(t, s, func() {
		if got := s.Hubs(); len(got) != 2 || got[0] != "orders" || got[1] != "stock" {
			t.Errorf("hubs = %q", got)
		}
		_, err := dial(t, s, "stock").Start(t.Context(), dts.StartRequest{Name: "orc"})
		must(t, err)
		_, err = dial(t, s, "default").Start(context.Background(), dts.StartRequest{Name: "orc"})
		if !errors.Is(err, dts.ErrNotFound) || !strings.Contains(err.Error(), "Task hub not found: default") {
			t.Errorf("start in a hub that is not listed = %v, want ErrNotFound", err)
		}
		if err := dial(t, s, "default").DeleteHub(t.Context()); !errors.Is(err, dts.ErrNotFound) {
			t.Errorf("deletion of a hub that is not listed = %v, want ErrNotFound", err)
		}
	})
	if _, err := scheduler.New(scheduler.Config{Listen: "none", Hubs: []string{"a"}}); err == nil || !strings.Contains(err.Error(), `task hub "a"`) {
		t.Errorf("a hub with one letter: %v", err)
	}
}
