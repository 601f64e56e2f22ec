package keda_test

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/funchost/funchost/dts"
	"github.com/funchost/funchost/scaler"
)

func checkCluster(t *testing.T, c *cluster) {
	t.Helper()
	for _, w := range c.workloads {
		checkWorkload(t, c, w)
	}
	for name, s := range c.services {
		w := c.selected(t, "Service "+name, s.Spec.Selector)
		for _, p := range s.Spec.Ports {
			if at := port(w, p.TargetPort); at != 0 && p.Port != at && p.Port != 80 {
				t.Errorf("Service %s: port %d leads to %d, want the same or 80", name, p.Port, at)
			} else if at == 0 {
				t.Errorf("Service %s: %s has no port %s", name, w.Metadata.Name, p.TargetPort)
			}
		}
	}
	for name, b := range c.budgets {
		if w := c.selected(t, "PodDisruptionBudget "+name, b.Spec.Selector.MatchLabels); *w.Spec.Replicas <= b.Spec.MaxUnavailable {
			t.Errorf("PodDisruptionBudget %s lets all replicas of %s go at once", name, w.Metadata.Name)
		}
	}
	for name, p := range c.policies {
		w := c.selected(t, "NetworkPolicy "+name, p.Spec.PodSelector.MatchLabels)
		if !slices.Equal(p.Spec.PolicyTypes, []string{"Ingress"}) {
			t.Errorf("NetworkPolicy %s is for %v, want Ingress", name, p.Spec.PolicyTypes)
		}
		for _, rule := range p.Spec.Ingress {
			if len(rule.From) == 0 {
				t.Errorf("NetworkPolicy %s lets everybody in", name)
			}
			for _, to := range rule.Ports {
				if port(w, to.Port) == 0 {
					t.Errorf("NetworkPolicy %s: %s has no port %s", name, w.Metadata.Name, to.Port)
				}
			}
		}
	}
	for _, o := range c.scaledObjects {
		checkScaledObject(t, c, o)
	}
	checkConnection(t, c)
}

// selected is the one workload that a selector chooses.
func (c *cluster) selected(t *testing.T, who string, s labels) workload {
	t.Helper()
	var found []workload
	for _, w := range c.workloads {
		if within(s, w.Spec.Template.Metadata.Labels) {
			found = append(found, w)
		}
	}
	if len(s) == 0 || len(found) != 1 {
		t.Fatalf("%s selects %d workloads, want one", who, len(found))
	}
	return found[0]
}

func within(some, all labels) bool {
	for key, value := range some {
		if all[key] != value {
			return false
		}
	}
	return true
}

// port is a port by its name; 0 if there is none.
func port(w workload, name string) int {
	for _, c := range w.Spec.Template.Spec.Containers {
		for _, p := range c.Ports {
			if p.Name == name {
				return p.ContainerPort
			}
		}
	}
	return 0
}

func checkWorkload(t *testing.T, c *cluster, w workload) {
	t.Helper()
	name, pod := w.Metadata.Name, w.Spec.Template.Spec
	if !within(w.Spec.Selector.MatchLabels, w.Spec.Template.Metadata.Labels) {
		t.Errorf("%s does not select its own pods", name)
	}
	if c.selected(t, name, w.Spec.Selector.MatchLabels).Metadata.Name != name {
		t.Errorf("%s selects pods of another workload", name)
	}
	if w.Kind == "StatefulSet" {
		if _, ok := c.services[w.Spec.ServiceName]; !ok || *w.Spec.Replicas != 1 {
			t.Errorf("%s: service %q and %d replicas, want a service that exists and one replica", name, w.Spec.ServiceName, *w.Spec.Replicas)
		}
	}
	if _, ok := c.accounts[pod.ServiceAccountName]; !ok {
		t.Errorf("%s: account %q does not exist", name, pod.ServiceAccountName)
	}
	if pod.EnableServiceLinks == nil || *pod.EnableServiceLinks {
		t.Errorf("%s has service links: FUNCHOST_SCHEDULER_PORT and its like would be read as settings", name)
	}
	if s := pod.SecurityContext; !s.RunAsNonRoot || s.RunAsUser != user(t) || s.RunAsGroup == 0 || s.SeccompProfile.Type != "RuntimeDefault" {
		t.Errorf("%s: pod security %+v, want the image's user and the default profile", name, s)
	}
	for _, s := range pod.TopologySpreadConstraints {
		if !within(s.LabelSelector.MatchLabels, w.Spec.Template.Metadata.Labels) {
			t.Errorf("%s is spread by labels that its pods do not have", name)
		}
	}
	if len(pod.Containers) != 1 {
		t.Fatalf("%s has %d containers, want one", name, len(pod.Containers))
	}
	checkContainer(t, c, w, pod.Containers[0])
	if budget, grace := shutdown(t, pod.Containers[0]), time.Duration(pod.TerminationGracePeriodSeconds)*time.Second; grace <= budget {
		t.Errorf("%s is killed after %v, and its shutdown may take %v", name, grace, budget)
	}
}

// defaultShutdown is the shutdown timeout of every process of ours.
const defaultShutdown = 30 * time.Second

func shutdown(t *testing.T, c container) time.Duration {
	t.Helper()
	budget := defaultShutdown
	for _, v := range c.Env {
		if v.Name == "FUNCHOST_SHUTDOWN_TIMEOUT" {
			var err error
			if budget, err = time.ParseDuration(v.Value); err != nil {
				t.Error(err)
			}
		}
	}
	return budget
}

func checkContainer(t *testing.T, cl *cluster, w workload, c container) {
	t.Helper()
	name := w.Metadata.Name
	if image, _, _ := strings.Cut(c.Image, ":"); image != placeholder {
		t.Errorf("%s: image %q, want the placeholder %s", name, c.Image, placeholder)
	}
	if s := c.SecurityContext; s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || !s.ReadOnlyRootFilesystem ||
		!slices.Equal(s.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("%s: security %+v, want no privileges at all", name, s)
	}
	if c.Resources.Requests["cpu"] == "" || c.Resources.Requests["memory"] == "" || c.Resources.Limits["memory"] == "" {
		t.Errorf("%s: resources %v, want requests and a limit of memory", name, c.Resources)
	}
	checkProbe(t, w, "readiness", "/readyz", c.ReadinessProbe)
	checkProbe(t, w, "liveness", "/healthz", c.LivenessProbe)
	for _, m := range c.VolumeMounts {
		if !slices.ContainsFunc(w.Spec.VolumeClaimTemplates, func(v volumeClaim) bool { return v.Metadata.Name == m.Name }) {
			t.Errorf("%s mounts %s, which it does not have", name, m.Name)
		}
	}
	known := settings(t)
	for _, v := range c.Env {
		if !slices.Contains(known, v.Name) {
			t.Errorf("%s: docs/settings.md knows no %s", name, v.Name)
		}
		if v.ValueFrom == nil {
			continue
		}
		if ref := v.ValueFrom.ConfigMapKeyRef; cl.configs[ref.Name].Data[ref.Key] == "" {
			t.Errorf("%s: %s comes from %s of ConfigMap %s, which has none", name, v.Name, ref.Key, ref.Name)
		}
	}
	checkListeners(t, w, c)
}

func checkProbe(t *testing.T, w workload, kind, path string, p *probe) {
	t.Helper()
	switch {
	case p == nil:
		t.Errorf("%s has no %s probe", w.Metadata.Name, kind)
	case p.HTTPGet != nil:
		if p.HTTPGet.Path != path || port(w, p.HTTPGet.Port) == 0 || p.HTTPGet.Port != "admin" {
			t.Errorf("%s: %s probe %+v, want %s on the admin listener", w.Metadata.Name, kind, *p.HTTPGet, path)
		}
	case p.GRPC == nil || p.GRPC.Service != kind || p.GRPC.Port != port(w, "grpc"):
		t.Errorf("%s: %s probe %+v, want gRPC health of %s", w.Metadata.Name, kind, p.GRPC, kind)
	}
}

// checkListeners compares the addresses that a container is told to listen on
// with its ports.
func checkListeners(t *testing.T, w workload, c container) {
	t.Helper()
	listen := map[string]string{} // address by name of the port
	switch strings.Join(c.Command, " ") {
	case "/funchost scheduler", "/funchost scaler":
		flags := helpOf(t, c.Command[1])
		for _, arg := range c.Args {
			flag, value, _ := strings.Cut(arg, "=")
			if !slices.Contains(flags, flag) {
				t.Errorf("%s: funchost %s has no flag %s", w.Metadata.Name, c.Command[1], flag)
			}
			switch flag {
			case "--listen":
				listen["grpc"] = value
			case "--admin-listen":
				listen["admin"] = value
			case "--data":
				if m := c.VolumeMounts; len(m) != 1 || !strings.HasPrefix(value, m[0].MountPath+"/") {
					t.Errorf("%s: the data in %s are on no volume", w.Metadata.Name, value)
				}
			}
		}
	case "/app":
		for _, v := range c.Env {
			switch v.Name {
			case "FUNCHOST_LISTEN":
				listen["http"] = v.Value
			case "FUNCHOST_ADMIN_LISTEN":
				listen["admin"] = v.Value
			}
		}
	default:
		t.Errorf("%s: the image has no %v", w.Metadata.Name, c.Command)
	}
	maps.DeleteFunc(listen, func(_, address string) bool { return address == "none" })
	for name, address := range listen {
		if want := fmt.Sprintf("0.0.0.0:%d", port(w, name)); address != want {
			t.Errorf("%s: it listens on %s for %s, want %s", w.Metadata.Name, address, name, want)
		}
	}
	if len(listen) != len(c.Ports) {
		t.Errorf("%s: it listens on %v and has ports %v", w.Metadata.Name, listen, c.Ports)
	}
}

func checkScaledObject(t *testing.T, c *cluster, o scaledObject) {
	t.Helper()
	for _, problem := range violations(scaledObjectSchema(t), o.raw, "ScaledObject "+o.Metadata.Name) {
		t.Error(problem)
	}
	if w := c.workloads[o.Spec.ScaleTargetRef.Name]; w.Kind != "Deployment" || w.Spec.Replicas != nil {
		t.Errorf("ScaledObject %s: its target %s must be a Deployment without replicas", o.Metadata.Name, o.Spec.ScaleTargetRef.Name)
	}
	for _, trigger := range o.Spec.Triggers {
		if trigger.Type != "external-push" {
			t.Errorf("ScaledObject %s has a trigger %s, want external-push", o.Metadata.Name, trigger.Type)
		}
		if err := scaler.Check(trigger.Metadata); err != nil {
			t.Errorf("ScaledObject %s: %v", o.Metadata.Name, err)
		}
		checkAddress(t, c, trigger.Metadata["scalerAddress"], "funchost-scaler", c.namespace+".svc")
	}
}

// checkConnection looks for the scheduler of the connection string, if that is
// in the cluster.
func checkConnection(t *testing.T, c *cluster) {
	t.Helper()
	for name, m := range c.configs {
		cs, err := dts.ParseConnectionString(m.Data["DTS_CONNECTION_STRING"])
		if err != nil {
			t.Errorf("ConfigMap %s: %v", name, err)
			continue
		}
		u, err := url.Parse(cs.Endpoint)
		if err != nil {
			t.Error(err)
		} else if u.Scheme == "http" {
			checkAddress(t, c, u.Host, "funchost-scheduler", "")
		}
	}
}

// checkAddress expects service.domain:port, with a port that the service has.
func checkAddress(t *testing.T, c *cluster, address, name, domain string) {
	t.Helper()
	host, at, err := net.SplitHostPort(address)
	if want := strings.TrimSuffix(name+"."+domain, "."); err != nil || host != want {
		t.Errorf("address %q, want %s with a port", address, want)
	}
	if !slices.ContainsFunc(c.services[name].Spec.Ports, func(p servicePort) bool { return strconv.Itoa(p.Port) == at }) {
		t.Errorf("address %q: Service %s has no such port", address, name)
	}
}

// settings are the environment variables that docs/settings.md describes.
func settings(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, m := range regexp.MustCompile("`([A-Z]+_[A-Z_]+)`").FindAllSubmatch(read(t, "../../docs/settings.md"), -1) {
		names = append(names, string(m[1]))
	}
	return names
}

// user is whom the image runs as.
func user(t *testing.T) int {
	t.Helper()
	m := regexp.MustCompile(`(?m)^USER (\d+):\d+$`).FindSubmatch(read(t, "Dockerfile"))
	if m == nil {
		t.Fatal("the image has no numeric user, so Kubernetes cannot tell that it is not root")
	}
	id, err := strconv.Atoi(string(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return id
}
