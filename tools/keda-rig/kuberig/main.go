// Command kuberig is a Kubernetes control plane in one binary, for tests that
// need a real kube-apiserver and a real HorizontalPodAutoscaler controller but
// have no container engine and no root:
//
//	kuberig etcd ...                     the etcd server
//	kuberig kube-apiserver ...           the API server
//	kuberig kube-controller-manager ...  the controllers
//	kuberig kubectl ...                  the client
//	kuberig pods -logs D                 a node that runs pods as processes
//	kuberig certs -dir D -server URL     every certificate and the kubeconfig
//	kuberig freeports COUNT              free loopback TCP ports
//
// The first four are the unmodified upstream commands, linked in as libraries,
// so one link step (and one shared 130 MB file) replaces four.
package main

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

func main() {
	if len(os.Args) < 2 {
		usage()
	}
	name := os.Args[1]
	os.Args = os.Args[1:] // every command below sees itself as argv[0]

	var cmd *cobra.Command
	switch name {
	case "etcd":
		etcdmain.Main(os.Args)
		return
	case "kube-apiserver":
		cmd = apiserver.NewAPIServerCommand()
	case "kube-controller-manager":
		cmd = controllers.NewControllerManagerCommand()
	case "kubectl":
		cmd = kubectl.NewDefaultKubectlCommand()
	case "pods":
		exitOn(runPods(os.Args[1:]))
		return
	case "certs":
		exitOn(writeCerts(os.Args[1:]))
		return
	case "freeports":
		exitOn(freePorts(os.Args[1:]))
		return
	default:
		usage()
	}
	os.Exit(cli.Run(cmd))
}

func usage() {
	fmt.Fprintln(os.Stderr, "usage: kuberig etcd|kube-apiserver|kube-controller-manager|kubectl|pods|certs|freeports ...")
	os.Exit(2)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "kuberig:", err)
		os.Exit(1)
	}
}

// freePorts prints as many ports as asked for that were free a moment ago, one a
// line. All listeners stay open until the last is found, so no port repeats.
func freePorts(args []string) error {
	n := 1
	if len(args) > 0 {
		var err error
		if n, err = strconv.Atoi(args[0]); err != nil {
			return err
		}
	}
	for range n {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer func() { _ = l.Close() }()
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return err
		}
		fmt.Println(port)
	}
	return nil
}
