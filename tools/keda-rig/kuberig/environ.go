package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// environ is what a container finds in its environment. Of this machine's it gets
// no more than programs of this machine need.
func (n *node) environ(pod *corev1.Pod, container corev1.Container) ([]string, error) {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "HOSTNAME=" + pod.Name}
	if len(container.EnvFrom) > 0 {
		return nil, errors.New("envFrom: this node reads env only")
	}
	for _, e := range container.Env {
		value := e.Value
		if e.ValueFrom != nil {
			var err error
			if value, err = n.value(pod, e.ValueFrom); err != nil {
				return nil, fmt.Errorf("variable %s: %w", e.Name, err)
			}
		}
		env = append(env, e.Name+"="+value)
	}
	return env, nil
}

// value looks up a variable that is written down elsewhere. What this node cannot
// look up is an error: a pod that runs without it would prove nothing.
func (n *node) value(pod *corev1.Pod, from *corev1.EnvVarSource) (string, error) {
	switch {
	case from.FieldRef != nil:
		return n.field(pod, from.FieldRef.FieldPath)
	case from.ConfigMapKeyRef != nil:
		ref := from.ConfigMapKeyRef
		m, err := n.client.CoreV1().ConfigMaps(pod.Namespace).Get(context.Background(), ref.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		return pick(m.Data, ref.Key)
	case from.SecretKeyRef != nil:
		ref := from.SecretKeyRef
		s, err := n.client.CoreV1().Secrets(pod.Namespace).Get(context.Background(), ref.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		return pick(s.Data, ref.Key)
	default:
		return "", errors.New("this node knows fieldRef, configMapKeyRef and secretKeyRef")
	}
}

func pick[T string | []byte](data map[string]T, key string) (string, error) {
	value, ok := data[key]
	if !ok {
		return "", fmt.Errorf("there is no key %q", key)
	}
	return string(value), nil
}

func (n *node) field(pod *corev1.Pod, path string) (string, error) {
	switch path {
	case "metadata.name":
		return pod.Name, nil
	case "metadata.namespace":
		return pod.Namespace, nil
	case "metadata.uid":
		return string(pod.UID), nil
	case "spec.nodeName":
		return n.name, nil
	case "status.podIP", "status.hostIP":
		return "127.0.0.1", nil
	default:
		return "", fmt.Errorf("this node knows no field %q", path)
	}
}
