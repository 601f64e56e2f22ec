//go:build linux

package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"go.yaml.in/yaml/v3"
)

// cluster reads from the API server, several times a second: kubectl would take a
// process of 130 MB for each look.
type cluster struct {
	http   *http.Client
	server string
}

// openCluster reads the kubeconfig that the rig has written.
func openCluster(kubeconfig string) (*cluster, error) {
	text, err := os.ReadFile(kubeconfig)
	if err != nil {
		return nil, err
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string `yaml:"server"`
				CA     string `yaml:"certificate-authority"`
			} `yaml:"cluster"`
		} `yaml:"clusters"`
		Users []struct {
			User struct {
				Certificate string `yaml:"client-certificate"`
				Key         string `yaml:"client-key"`
			} `yaml:"user"`
		} `yaml:"users"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		return nil, err
	}
	if len(config.Clusters) != 1 || len(config.Users) != 1 {
		return nil, fmt.Errorf("%s: want one cluster and one user", kubeconfig)
	}
	at, who := config.Clusters[0].Cluster, config.Users[0].User
	ca, err := os.ReadFile(at.CA)
	if err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(who.Certificate, who.Key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, fmt.Errorf("%s holds no certificate", at.CA)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}
	return &cluster{&http.Client{Transport: transport}, at.Server}, nil
}

// open begins to read an answer, which the caller closes.
func (c *cluster) open(ctx context.Context, path string) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return resp.Body, nil
}

func (c *cluster) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := c.open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = body.Close() }()
	return json.NewDecoder(body).Decode(into)
}

// Where the API server has the workers.
const (
	deployments = "/apis/apps/v1/namespaces/" + namespace + "/deployments"
	pods        = "/api/v1/namespaces/" + namespace + "/pods"
	objects     = "/apis/keda.sh/v1alpha1/namespaces/" + namespace + "/scaledobjects"
	workers     = "funchost-worker"
)

// fleet is how many workers there are.
type fleet struct {
	replicas int // that KEDA and the autoscaler ask for
	working  int // pods that live
	draining int // pods that were told to stop
}

// deployment is what we want to know of one.
type deployment struct {
	Spec struct {
		Replicas int `json:"replicas"`
	} `json:"spec"`
}

func (c *cluster) fleet(ctx context.Context) (fleet, error) {
	var d deployment
	var list struct {
		Items []struct {
			Metadata struct{ DeletionTimestamp string }
		}
	}
	err := errors.Join(
		c.get(ctx, deployments+"/"+workers, &d),
		c.get(ctx, pods+"?labelSelector=app.kubernetes.io/component=worker", &list),
	)
	f := fleet{replicas: d.Spec.Replicas}
	for _, p := range list.Items {
		if p.Metadata.DeletionTimestamp != "" {
			f.draining++
		} else {
			f.working++
		}
	}
	return f, err
}

// watchReplicas tells the number of replicas now and at every change of the
// Deployment, until ctx ends.
func (c *cluster) watchReplicas(ctx context.Context, tell chan<- int) error {
	body, err := c.open(ctx, deployments+"?watch=true&fieldSelector=metadata.name="+workers)
	if err != nil {
		return fmt.Errorf("watch the workers: %w", err)
	}
	defer func() { _ = body.Close() }()
	for events := json.NewDecoder(body); ; {
		var event struct {
			Object deployment `json:"object"`
		}
		if err := events.Decode(&event); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return fmt.Errorf("watch the workers: %w", err)
		}
		select {
		case tell <- event.Object.Spec.Replicas:
		case <-ctx.Done():
			return nil
		}
	}
}

// scaledObjectReady reports whether KEDA has made an autoscaler of the ScaledObject.
func (c *cluster) scaledObjectReady(ctx context.Context) (bool, error) {
	var object struct {
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	err := c.get(ctx, objects+"/"+workers, &object)
	for _, condition := range object.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return true, err
		}
	}
	return false, err
}
