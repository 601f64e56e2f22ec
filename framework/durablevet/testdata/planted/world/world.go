// Package world reaches out.
package world

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/framework/durable"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/far"
	"github.com/funchost/funchost/framework/durablevet/testdata/planted/lib/near"
)

var other = durable.OrchestratorNamed[string, string]("other")

func files(ctx *durable.Context) ([]byte, error) {
	return os.ReadFile("prices.json") // want `files: os.ReadFile at world.go:[0-9]+ reaches out of the orchestration; do it in an activity`
}

func writes(ctx *durable.Context, f *os.File) {
	f.WriteString("x") // want `os.File.WriteString`
}

func walks(ctx *durable.Context) ([]string, error) {
	return filepath.Glob("*.json") // want `filepath.Glob`
}

func web(ctx *durable.Context, c *http.Client, r *http.Request) (*http.Response, error) {
	return c.Do(r) // want `http.Client.Do`
}

func webFar(ctx *durable.Context) (string, error) {
	return far.Rate("http://127.0.0.1") // want `webFar -> far.Rate: http.Get at far/far.go`
}

func dials(ctx *durable.Context) (net.Conn, error) {
	return net.Dial("tcp", "127.0.0.1:1") // want `net.Dial`
}

func speaks(ctx *durable.Context, c net.Conn) {
	c.Write(nil) // want `net.Conn.Write`
}

func database(ctx *durable.Context, db *sql.DB) (n int, err error) {
	err = db.QueryRowContext(context.Background(), "select 1").Scan(&n) // want `sql.DB.QueryRowContext`
	return n, err
}

func commands(ctx *durable.Context) error {
	return exec.Command("true").Run() // want `exec.Cmd.Run`
}

func environment(ctx *durable.Context) string {
	return os.Getenv("HOME") // want `environment: os.Getenv at .* can differ from host to host`
}

func arguments(ctx *durable.Context) string {
	return os.Args[0] // want `os.Args`
}

func host(ctx *durable.Context) (string, int) {
	name, _ := os.Hostname()      // want `os.Hostname`
	return name, runtime.NumCPU() // want `runtime.NumCPU`
}

func region(ctx *durable.Context) string {
	return far.Region() // want `region -> far.Region: os.Getenv`
}

func lamp(ctx *durable.Context) string {
	desk := &near.Desk{}
	return desk.Lamp() // want `lamp -> near.Desk.Lamp -> far.Region: os.Getenv at far/far.go`
}

func lampByInterface(ctx *durable.Context) string {
	var l near.Lamps = &near.Desk{}
	return l.Lamp() // want `lampByInterface -> near.Desk.Lamp`
}

func loaded(ctx *durable.Context) string {
	return far.Table // want `loaded -> far.Table -> load: os.ReadFile at far/far.go`
}

func prints(ctx *durable.Context) {
	fmt.Println("charged")            // want `fmt.Println at .* writes again in each replay; use ctx.Logger`
	fmt.Fprintf(os.Stderr, "charged") // want `os.Stderr`
}

func logs(ctx *durable.Context) {
	log.Printf("charged") // want `log.Printf`
	slog.Info("charged")  // want `slog.Info at`
}

var logger = slog.New(slog.NewTextHandler(os.Stdout, nil)) // want `logsByVariable -> logger: os.Stdout`

func logsByVariable(ctx *durable.Context) { logger.Info("charged") }

func startsFromOutside(ctx *durable.Context, c *dts.Client) error {
	_, err := other.StartNew(context.Background(), c, "x") // want `durable.Orchestrator.StartNew` `context.Background`
	return err
}

func asksTheHub(ctx *durable.Context, c *dts.Client, outer context.Context) error {
	_, err := c.Instance(outer, "id") // want `dts.Client.Instance`
	return err
}
