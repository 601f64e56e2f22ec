package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/funchost/funchost/dts/scheduler"
)

// schedulerFlags is how `funchost scheduler` was called.
type schedulerFlags struct {
	listen, adminListen, dashboardListen string
	data                                 string
	memory                               bool
	hubs                                 []string
	retention                            []string
	tls                                  tlsFiles
	tokenFile                            string
	public                               insecurePublic
}

func (f *schedulerFlags) register(cmd *cobra.Command) {
	set := cmd.Flags()
	set.StringVar(&f.listen, "listen", "127.0.0.1:8080", "`address` for gRPC; port 0 takes a free one")
	set.StringVar(&f.adminListen, "admin-listen", "127.0.0.1:8081", "`address` for /healthz, /readyz and /metrics, or none")
	set.StringVar(&f.dashboardListen, "dashboard-listen", "127.0.0.1:8082", "`address` for the dashboard, or none; port 0 takes a free one")
	set.StringVar(&f.data, "data", defaultData, dataUsage+"; made if it is missing")
	set.BoolVar(&f.memory, "memory", false, "keep nothing when it stops")
	set.StringSliceVar(&f.hubs, "hubs", nil, "`names` of the task hubs that there are, with commas; default: each is made when it is first used")
	set.StringSliceVar(&f.retention, "retention", []string{"30d"},
		"`age` at which ended orchestrations are purged, 0 is never; also STATUS=AGE, HUB/AGE, HUB/STATUS=AGE")
	set.StringVar(&f.tls.cert, "tls-cert", "", "PEM `file` with the certificate chain; read anew for each connection")
	set.StringVar(&f.tls.key, "tls-key", "", "PEM `file` with its key")
	set.StringVar(&f.tls.clientCA, "tls-client-ca", "", "PEM `file`; callers must show a certificate that it has signed")
	set.StringVar(&f.tokenFile, "token-file", "", "`file` with bearer tokens, one a line; callers must bring one of them; read again when it changes")
	f.public.register(cmd)
}

// check finds mistakes that can be seen without trying anything.
func (f *schedulerFlags) check() error {
	lacks := lacking(f.tls.cert != "", f.tokenFile != "" || f.tls.clientCA != "")
	if err := f.public.mainListener(f.listen, lacks, "--tls-cert and --tls-key with --token-file or --tls-client-ca"); err != nil {
		return err
	}
	if err := f.public.sideListener(f.adminListen, "--admin-listen", "metrics"); err != nil {
		return err
	}
	return f.public.sideListener(f.dashboardListen, "--dashboard-listen", "and lets change all orchestrations")
}

// config is what the flags say, with the files that they name.
func (f *schedulerFlags) config(log *slog.Logger) (scheduler.Config, error) {
	c := scheduler.Config{Dir: f.data, Hubs: f.hubs, Logger: log}
	if f.memory {
		c.Dir = ""
	}
	var err error
	if c.Retention, c.HubRetention, err = scheduler.ParseRetention(f.retention); err != nil {
		return c, callError{err}
	}
	if f.tls != (tlsFiles{}) {
		if c.TLS, err = f.tls.config(); err != nil {
			return c, callError{err}
		}
	}
	if f.tokenFile != "" {
		tokens, err := scheduler.OpenTokenFile(f.tokenFile, log)
		if err != nil {
			return c, callError{err}
		}
		c.Authorize = tokens.Authorize
	}
	return c, nil
}

// checkData refuses what cannot be made a folder for the state.
func checkData(dir string) error {
	refuse := func(problem, wayOut string) error {
		return callError{fmt.Errorf("--data %s: %s\n  %s", dir, problem, wayOut)}
	}
	info, err := os.Stat(dir)
	switch {
	case err == nil && !info.IsDir():
		return refuse("this is a file, not a folder", "name a folder; it is made if it is not there")
	case errors.Is(err, syscall.ENOTDIR):
		return refuse("a part of the path is a file, not a folder", "name a folder; it is made if it is not there")
	}
	return nil // whatever else is wrong, the scheduler says
}

// errTwoStates refuses two flags that contradict each other.
var errTwoStates = errors.New("--memory keeps nothing, --data keeps everything: use one of them")
