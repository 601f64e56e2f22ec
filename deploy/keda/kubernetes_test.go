package keda_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What our manifests use of the Kubernetes API. Decoding is strict, so a field
// that is not here, mistyped or new, is an error: whoever adds one adds it here
// and thinks of its check.
type (
	labels map[string]string

	meta struct {
		Name        string `yaml:"name"`
		Namespace   string `yaml:"namespace"`
		Labels      labels `yaml:"labels"`
		Annotations labels `yaml:"annotations"`
	}
	header struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string `yaml:"kind"`
		Metadata   meta   `yaml:"metadata"`
	}
	selector struct {
		MatchLabels labels `yaml:"matchLabels"`
	}

	namespace struct {
		header `yaml:",inline"`
	}
	serviceAccount struct {
		header                       `yaml:",inline"`
		AutomountServiceAccountToken *bool `yaml:"automountServiceAccountToken"`
	}
	configMap struct {
		header `yaml:",inline"`
		Data   labels `yaml:"data"`
	}
	service struct {
		header `yaml:",inline"`
		Spec   struct {
			ClusterIP string        `yaml:"clusterIP"`
			Selector  labels        `yaml:"selector"`
			Ports     []servicePort `yaml:"ports"`
		} `yaml:"spec"`
	}
	servicePort struct {
		Name       string `yaml:"name"`
		Port       int    `yaml:"port"`
		TargetPort string `yaml:"targetPort"`
	}
	disruptionBudget struct {
		header `yaml:",inline"`
		Spec   struct {
			MaxUnavailable int      `yaml:"maxUnavailable"`
			Selector       selector `yaml:"selector"`
		} `yaml:"spec"`
	}
	networkPolicy struct {
		header `yaml:",inline"`
		Spec   struct {
			PodSelector selector      `yaml:"podSelector"`
			PolicyTypes []string      `yaml:"policyTypes"`
			Ingress     []ingressRule `yaml:"ingress"`
		} `yaml:"spec"`
	}
	ingressRule struct {
		From []struct {
			PodSelector       *selector `yaml:"podSelector"`
			NamespaceSelector *selector `yaml:"namespaceSelector"`
		} `yaml:"from"`
		Ports []struct {
			Port string `yaml:"port"`
		} `yaml:"ports"`
	}

	// workload is a Deployment or a StatefulSet.
	workload struct {
		header `yaml:",inline"`
		Spec   struct {
			ServiceName          string        `yaml:"serviceName"`
			Replicas             *int          `yaml:"replicas"`
			Selector             selector      `yaml:"selector"`
			Template             template      `yaml:"template"`
			VolumeClaimTemplates []volumeClaim `yaml:"volumeClaimTemplates"`
		} `yaml:"spec"`
	}
	volumeClaim struct {
		Metadata meta `yaml:"metadata"`
		Spec     struct {
			AccessModes []string  `yaml:"accessModes"`
			Resources   resources `yaml:"resources"`
		} `yaml:"spec"`
	}
	template struct {
		Metadata meta `yaml:"metadata"`
		Spec     struct {
			ServiceAccountName            string      `yaml:"serviceAccountName"`
			EnableServiceLinks            *bool       `yaml:"enableServiceLinks"`
			TerminationGracePeriodSeconds int         `yaml:"terminationGracePeriodSeconds"`
			SecurityContext               podSecurity `yaml:"securityContext"`
			TopologySpreadConstraints     []spread    `yaml:"topologySpreadConstraints"`
			Containers                    []container `yaml:"containers"`
		} `yaml:"spec"`
	}
	podSecurity struct {
		RunAsNonRoot        bool   `yaml:"runAsNonRoot"`
		RunAsUser           int    `yaml:"runAsUser"`
		RunAsGroup          int    `yaml:"runAsGroup"`
		FSGroup             int    `yaml:"fsGroup"`
		FSGroupChangePolicy string `yaml:"fsGroupChangePolicy"`
		SeccompProfile      struct {
			Type string `yaml:"type"`
		} `yaml:"seccompProfile"`
	}
	spread struct {
		MaxSkew           int      `yaml:"maxSkew"`
		TopologyKey       string   `yaml:"topologyKey"`
		WhenUnsatisfiable string   `yaml:"whenUnsatisfiable"`
		LabelSelector     selector `yaml:"labelSelector"`
	}
	container struct {
		Name            string            `yaml:"name"`
		Image           string            `yaml:"image"`
		Command         []string          `yaml:"command"`
		Args            []string          `yaml:"args"`
		Env             []variable        `yaml:"env"`
		Ports           []containerPort   `yaml:"ports"`
		ReadinessProbe  *probe            `yaml:"readinessProbe"`
		LivenessProbe   *probe            `yaml:"livenessProbe"`
		Resources       resources         `yaml:"resources"`
		SecurityContext containerSecurity `yaml:"securityContext"`
		VolumeMounts    []struct {
			Name      string `yaml:"name"`
			MountPath string `yaml:"mountPath"`
		} `yaml:"volumeMounts"`
	}
	containerPort struct {
		Name          string `yaml:"name"`
		ContainerPort int    `yaml:"containerPort"`
	}
	containerSecurity struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct {
			Drop []string `yaml:"drop"`
		} `yaml:"capabilities"`
	}
	variable struct {
		Name      string `yaml:"name"`
		Value     string `yaml:"value"`
		ValueFrom *struct {
			ConfigMapKeyRef struct {
				Name string `yaml:"name"`
				Key  string `yaml:"key"`
			} `yaml:"configMapKeyRef"`
		} `yaml:"valueFrom"`
	}
	probe struct {
		HTTPGet *struct {
			Path string `yaml:"path"`
			Port string `yaml:"port"`
		} `yaml:"httpGet"`
		GRPC *struct {
			Port    int    `yaml:"port"`
			Service string `yaml:"service"`
		} `yaml:"grpc"`
		PeriodSeconds    int `yaml:"periodSeconds"`
		FailureThreshold int `yaml:"failureThreshold"`
	}
	resources struct {
		Requests labels `yaml:"requests"`
		Limits   labels `yaml:"limits"`
	}

	// scaledObject has what refers to other things; the rest of it is checked
	// against the schema that KEDA ships.
	scaledObject struct {
		header `yaml:",inline"`
		Spec   struct {
			ScaleTargetRef struct {
				Name string `yaml:"name"`
			} `yaml:"scaleTargetRef"`
			Triggers []struct {
				Type     string `yaml:"type"`
				Metadata labels `yaml:"metadata"`
			} `yaml:"triggers"`
		} `yaml:"spec"`
		raw any
	}
)

// cluster is what a set of manifests asks for, by name.
type cluster struct {
	namespace     string // where all of it lives
	accounts      map[string]serviceAccount
	configs       map[string]configMap
	services      map[string]service
	workloads     map[string]workload
	budgets       map[string]disruptionBudget
	policies      map[string]networkPolicy
	scaledObjects map[string]scaledObject
}

// readCluster decodes manifests, one or several documents in each text. Where a
// namespace is named twice they must agree.
func readCluster(namespaceName string, texts ...[]byte) (*cluster, error) {
	c := &cluster{
		namespace: namespaceName,
		accounts:  map[string]serviceAccount{}, configs: map[string]configMap{}, services: map[string]service{},
		workloads: map[string]workload{}, budgets: map[string]disruptionBudget{}, policies: map[string]networkPolicy{},
		scaledObjects: map[string]scaledObject{},
	}
	for _, text := range texts {
		for documents := yaml.NewDecoder(bytes.NewReader(text)); ; {
			var document yaml.Node
			if err := documents.Decode(&document); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return nil, err
			}
			if err := c.add(document); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// add files one object under its kind and checks kind and version.
func (c *cluster) add(document yaml.Node) error {
	var h header
	if err := document.Decode(&h); err != nil {
		return err
	}
	what := h.Kind + " " + h.Metadata.Name
	if h.Metadata.Name == "" {
		return fmt.Errorf("%s has no name", h.Kind)
	}
	if in := h.Metadata.Namespace; in != "" && in != c.namespace {
		return fmt.Errorf("%s is in namespace %q, want %q", what, in, c.namespace)
	}
	var err error
	switch h.APIVersion + " " + h.Kind {
	case "v1 Namespace":
		if _, err = strict[namespace](document); err == nil && h.Metadata.Name != c.namespace {
			err = fmt.Errorf("the kustomization puts all into %q", c.namespace)
		}
	case "v1 ServiceAccount":
		err = file(c.accounts, h, document)
	case "v1 ConfigMap":
		err = file(c.configs, h, document)
	case "v1 Service":
		err = file(c.services, h, document)
	case "apps/v1 Deployment", "apps/v1 StatefulSet":
		err = file(c.workloads, h, document)
	case "policy/v1 PodDisruptionBudget":
		err = file(c.budgets, h, document)
	case "networking.k8s.io/v1 NetworkPolicy":
		err = file(c.policies, h, document)
	case "keda.sh/v1alpha1 ScaledObject":
		var o scaledObject
		if err = errors.Join(document.Decode(&o), document.Decode(&o.raw)); err == nil {
			c.scaledObjects[h.Metadata.Name] = o
		}
	default:
		err = fmt.Errorf("%s is no kind that these tests know", h.APIVersion)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func file[T any](under map[string]T, h header, document yaml.Node) error {
	if _, twice := under[h.Metadata.Name]; twice {
		return errors.New("there are two of that name")
	}
	object, err := strict[T](document)
	if err == nil {
		under[h.Metadata.Name] = object
	}
	return err
}

// strict decodes a document and refuses fields that T does not have.
func strict[T any](document yaml.Node) (T, error) {
	var object T
	text, err := yaml.Marshal(&document)
	if err != nil {
		return object, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	err = d.Decode(&object)
	return object, err
}

func TestMistypedFieldIsFound(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ text, want string }{
		"in a pod":       {"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{readynessProbe: {}}]}}}", "readynessProbe"},
		"at the top":     {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspecs: {}", "specs"},
		"in the version": {"apiVersion: v1\nkind: Deployment\nmetadata: {name: a}", "v1 is no kind"},
		"in the name":    {"apiVersion: v1\nkind: Service\nmetadata: {nane: a}", "no name"},
		"twice":          {"apiVersion: v1\nkind: Service\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: a}", "two of that name"},
		"elsewhere":      {"apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: other}", "want \"here\""},
	} {
		if _, err := readCluster("here", []byte(tc.text)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
