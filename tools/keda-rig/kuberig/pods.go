package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/retry"
)

// node stands in for a node: it runs the first container of every pod as a plain
// process of this machine. The image is ignored; a container without a command is
// only pretended to run. Ready means started. What a kubelet does at the end of a
// pod is done as a kubelet does it: SIGTERM, the grace period, SIGKILL, and only
// then is the pod gone.
type node struct {
	name, logs string
	client     kubernetes.Interface

	mu   sync.Mutex
	pods map[types.UID]*podWorker
	wg   sync.WaitGroup
}

// podWorker runs one pod; stop is closed when the pod is to end.
type podWorker struct {
	stop  chan struct{}
	once  sync.Once
	grace time.Duration // set before stop is closed
}

func runPods(args []string) error {
	fs := flag.NewFlagSet("pods", flag.ContinueOnError)
	kubeconfig := fs.String("kubeconfig", os.Getenv("KUBECONFIG"), "kubeconfig")
	name := fs.String("node", "rig", "name of the node that pods are bound to")
	logs := fs.String("logs", ".", "folder for the output of pods")
	if err := fs.Parse(args); err != nil {
		return err
	}
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	config.QPS, config.Burst = 500, 1000
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	n := &node{name: *name, logs: *logs, client: client, pods: map[types.UID]*podWorker{}}
	factory := informers.NewSharedInformerFactory(client, 0)
	_, err = factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    n.changed,
		UpdateFunc: func(_, o any) { n.changed(o) },
		DeleteFunc: n.deleted,
	})
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	<-ctx.Done()

	n.mu.Lock()
	for uid := range n.pods {
		go n.end(uid, 0)
	}
	n.mu.Unlock()
	n.wg.Wait()
	return nil
}

func (n *node) changed(o any) {
	if pod, ok := o.(*corev1.Pod); ok {
		n.sync(pod)
	}
}

// deleted ends a pod that is gone from the API without its end having been awaited.
func (n *node) deleted(o any) {
	if d, ok := o.(cache.DeletedFinalStateUnknown); ok {
		o = d.Obj
	}
	if pod, ok := o.(*corev1.Pod); ok {
		n.end(pod.UID, 0)
	}
}

// sync starts a pod seen for the first time and ends one marked for deletion.
func (n *node) sync(pod *corev1.Pod) {
	done := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
	n.mu.Lock()
	_, known := n.pods[pod.UID]
	if !known && !done {
		w := &podWorker{stop: make(chan struct{})}
		n.pods[pod.UID] = w
		n.wg.Go(func() { n.run(pod.DeepCopy(), w) })
	}
	n.mu.Unlock()
	if pod.DeletionTimestamp != nil {
		seconds := int64(30)
		if pod.DeletionGracePeriodSeconds != nil {
			seconds = *pod.DeletionGracePeriodSeconds
		}
		n.end(pod.UID, time.Duration(seconds)*time.Second)
	}
}

func (n *node) end(uid types.UID, grace time.Duration) {
	n.mu.Lock()
	w := n.pods[uid]
	n.mu.Unlock()
	if w != nil {
		w.once.Do(func() {
			w.grace = grace
			close(w.stop)
		})
	}
}

func (n *node) run(pod *corev1.Pod, w *podWorker) {
	ctx := context.Background()
	pods := n.client.CoreV1().Pods(pod.Namespace)
	if pod.Spec.NodeName == "" {
		err := pods.Bind(ctx, &corev1.Binding{
			ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
			Target:     corev1.ObjectReference{Kind: "Node", Name: n.name},
		}, metav1.CreateOptions{})
		if err != nil {
			log.Printf("bind %s/%s: %v", pod.Namespace, pod.Name, err)
			return // gone before it could start
		}
	}
	phase := n.supervise(pod, w)
	select {
	case <-w.stop:
		zero := int64(0)
		err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero, Preconditions: &metav1.Preconditions{UID: &pod.UID}})
		log.Printf("gone %s/%s (%v)", pod.Namespace, pod.Name, err)
	default:
		n.setStatus(pod, phase)
	}
}

// supervise runs the pod's process, again and again where its restart policy says
// so, until it is stopped; it returns the phase of a pod that ended by itself.
func (n *node) supervise(pod *corev1.Pod, w *podWorker) corev1.PodPhase {
	container := pod.Spec.Containers[0]
	argv := append(append([]string{}, container.Command...), container.Args...)
	n.setStatus(pod, corev1.PodRunning)
	if len(argv) == 0 {
		<-w.stop
		return corev1.PodRunning
	}
	for {
		err := n.once(pod, container, argv, w)
		select {
		case <-w.stop:
			return corev1.PodRunning
		default:
		}
		switch policy := pod.Spec.RestartPolicy; {
		case err == nil && policy != corev1.RestartPolicyAlways:
			return corev1.PodSucceeded
		case err != nil && policy == corev1.RestartPolicyNever:
			return corev1.PodFailed
		}
		log.Printf("restart %s/%s: ended with %v", pod.Namespace, pod.Name, err)
		select {
		case <-w.stop:
			return corev1.PodRunning
		case <-time.After(time.Second):
		}
	}
}

// once runs the process to its end, ending it itself when the pod is stopped.
func (n *node) once(pod *corev1.Pod, container corev1.Container, argv []string, w *podWorker) error {
	out, err := os.OpenFile(filepath.Join(n.logs, "pod-"+pod.Name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	env, err := n.environ(pod, container)
	if err != nil {
		fmt.Fprintln(out, "keda-rig:", err)
		return err
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Dir = cmp.Or(container.WorkingDir, n.logs)
	cmd.Env = env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(out, "keda-rig:", err)
		return err
	}
	log.Printf("run %s/%s: process %d", pod.Namespace, pod.Name, cmd.Process.Pid)
	exited := make(chan error, 1)
	go func() { exited <- cmd.Wait() }()
	select {
	case err := <-exited:
		return err
	case <-w.stop:
	}
	log.Printf("term %s/%s: process %d has %s", pod.Namespace, pod.Name, cmd.Process.Pid, w.grace)
	_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended right now
	select {
	case err := <-exited:
		return err
	case <-time.After(w.grace):
	}
	log.Printf("kill %s/%s: process %d outlived its grace period", pod.Namespace, pod.Name, cmd.Process.Pid)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	<-exited //nolint:errcheck // it was killed
	return errors.New("killed")
}

func (n *node) setStatus(pod *corev1.Pod, phase corev1.PodPhase) {
	ready := corev1.ConditionFalse
	if phase == corev1.PodRunning {
		ready = corev1.ConditionTrue
	}
	pods := n.client.CoreV1().Pods(pod.Namespace)
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		p, err := pods.Get(context.Background(), pod.Name, metav1.GetOptions{})
		if err != nil || p.UID != pod.UID {
			return err
		}
		now := metav1.Now()
		p.Status.Phase, p.Status.PodIP, p.Status.StartTime = phase, "127.0.0.1", &now
		p.Status.Conditions = nil
		for _, t := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
			p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: ready, LastTransitionTime: now})
		}
		_, err = pods.UpdateStatus(context.Background(), p, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		log.Printf("status %s/%s %s: %v", pod.Namespace, pod.Name, phase, err)
	}
}
