//go:build linux

package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	folder    = "deploy/keda"
	namespace = "funchost"
)

// accept asks the API server about every manifest as it is in the repository:
// decoding, the schemas and rules of KEDA's resources, and admission, warnings
// included. Nothing but the namespace is made, without which it would answer for
// nothing inside.
func accept(ctx context.Context, r *rig) error {
	if err := r.kubectl(ctx, "apply", "--filename", folder+"/base/namespace.yaml"); err != nil {
		return err
	}
	overlays, err := filepath.Glob(filepath.Join(r.root, folder, "overlays/*"))
	if err != nil {
		return err
	}
	for _, dir := range append([]string{filepath.Join(r.root, folder, "base")}, overlays...) {
		n, err := apply(ctx, r, dir, "--dry-run=server", "--validate=strict", "--warnings-as-errors")
		if err != nil {
			return err
		}
		within, err := filepath.Rel(r.root, dir)
		if err != nil {
			return err
		}
		fmt.Printf("%s: the API server accepts all %d objects\n", within, n)
	}
	return nil
}

// apply renders and applies a folder and returns how many objects it has.
func apply(ctx context.Context, r *rig, dir string, flags ...string) (int, error) {
	cmd := r.command(ctx, r.kubectlCommand(append([]string{"apply", "--output=name", "--kustomize", dir}, flags...)))
	var problems bytes.Buffer
	cmd.Stderr = &problems
	names, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("apply %s: %w\n%s%s", dir, err, names, problems.Bytes())
	}
	return bytes.Count(names, []byte("\n")), nil
}

//go:embed overlay
var overlay embed.FS

// writeOverlay writes the overlay of this test with the variables filled in.
func writeOverlay(to string, variables map[string]string) error {
	files, err := fs.ReadDir(overlay, "overlay")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o750); err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		text, err := overlay.ReadFile("overlay/" + f.Name())
		if err != nil {
			return err
		}
		filled := os.Expand(string(text), func(name string) string {
			value, ok := variables[name]
			if !ok {
				errs = append(errs, fmt.Errorf("overlay/%s: nobody knows ${%s}", f.Name(), name))
			}
			return value
		})
		errs = append(errs, os.WriteFile(filepath.Join(to, f.Name()), []byte(filled), 0o600))
	}
	return errors.Join(errs...)
}

// deploy applies the overlay and returns when KEDA has taken over and has stopped
// the worker that a Deployment without replicas begins with.
func deploy(ctx context.Context, r *rig) (*world, error) {
	ports, err := freePorts(3)
	if err != nil {
		return nil, err
	}
	scheduler, api, scaler := ports[0], ports[1], ports[2]
	to := filepath.Join(r.dir, "overlay")
	base, err := filepath.Rel(to, filepath.Join(r.root, folder, "base"))
	if err != nil {
		return nil, err
	}
	err = writeOverlay(to, map[string]string{
		"BASE": base, "BIN": r.dir + "/bin", "DIR": r.dir,
		"SCHEDULER": scheduler, "API": api, "SCALER": scaler,
		"CAPACITY": strconv.Itoa(capacity),
	})
	if err != nil {
		return nil, err
	}
	if _, err := apply(ctx, r, to); err != nil {
		return nil, err
	}
	w, err := newWorld(r, scheduler, api)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := errors.Join(w.served(ctx), w.scaled(ctx), w.empty(ctx)); err != nil {
		w.close()
		return nil, err
	}
	fmt.Printf("deployed; KEDA has the workers at 0 after %s\n", since(began))
	return w, nil
}

// freePorts gives loopback addresses that were free a moment ago.
func freePorts(n int) ([]string, error) {
	var addresses []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		addresses = append(addresses, l.Addr().String())
	}
	return addresses, nil
}
