#!/usr/bin/env bash
# Starts etcd, kube-apiserver, kube-controller-manager, a node that runs pods as
# plain processes, the KEDA operator and the KEDA metrics API server, each on
# loopback ports of its own, and returns when external.metrics.k8s.io answers.
# Several rigs can run side by side: give each its own KEDA_RIG_DIR.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need curl curl
need setsid util-linux

for name in kuberig keda keda-adapter; do
	[[ -x $KEDA_RIG_CACHE/bin/$name ]] || die "$name is not built: run build.sh first"
done
[[ ! -e $KEDA_RIG_DIR/run ]] || die "$KEDA_RIG_DIR is in use: run down.sh first"
trap '(($? == 0)) || "$rig_home/down.sh"' EXIT
rm -rf "$KEDA_RIG_DIR/logs"
mkdir -p "$KEDA_RIG_DIR"/{run,logs/pods,etcd}

ports=$("$kuberig" freeports 7)
read -r etcd peer api operator adapter adapter_metrics health <<<"${ports//$'\n'/ }"
"$kuberig" certs -dir "$KEDA_RIG_DIR/pki" -server "https://127.0.0.1:$api"
cat >"$KEDA_RIG_DIR/env" <<END
export KUBECONFIG=$kubeconfig
export KEDA_RIG_CACHE=$KEDA_RIG_CACHE
export KEDA_RIG_DIR=$KEDA_RIG_DIR
END

# start NAME COMMAND...: run COMMAND in the background, in a session of its own.
start() {
	local name=$1
	shift
	setsid "$@" >"$KEDA_RIG_DIR/logs/$name.log" 2>&1 </dev/null &
	echo $! >"$KEDA_RIG_DIR/run/$name.pid"
}
cd "$KEDA_RIG_DIR/pki"
rate=(--kube-api-qps "$KUBE_API_QPS" --kube-api-burst $((KUBE_API_QPS * 3 / 2)))

start etcd "$kuberig" etcd --name rig --data-dir "$KEDA_RIG_DIR/etcd" --unsafe-no-fsync --log-level warn \
	--listen-client-urls "http://127.0.0.1:$etcd" --advertise-client-urls "http://127.0.0.1:$etcd" \
	--listen-peer-urls "http://127.0.0.1:$peer" --initial-advertise-peer-urls "http://127.0.0.1:$peer" \
	--initial-cluster "rig=http://127.0.0.1:$peer"

# No endpoint reconciler: it would publish a loopback address, which the API refuses.
# No ServiceAccount admission: pods here are plain processes and mount no token.
start kube-apiserver "$kuberig" kube-apiserver \
	--etcd-servers "http://127.0.0.1:$etcd" --bind-address 127.0.0.1 --secure-port "$api" \
	--advertise-address 127.0.0.1 --endpoint-reconciler-type none \
	--tls-cert-file apiserver.crt --tls-private-key-file apiserver.key --client-ca-file ca.crt \
	--service-account-issuer https://kubernetes.default.svc \
	--service-account-key-file sa.pub --service-account-signing-key-file sa.key \
	--service-cluster-ip-range 10.0.0.0/24 --authorization-mode RBAC --disable-admission-plugins ServiceAccount \
	--requestheader-client-ca-file front-proxy-ca.crt --requestheader-allowed-names front-proxy-client \
	--requestheader-username-headers X-Remote-User --requestheader-group-headers X-Remote-Group \
	--requestheader-extra-headers-prefix X-Remote-Extra- \
	--proxy-client-cert-file front-proxy-client.crt --proxy-client-key-file front-proxy-client.key
wait_for 60 "kube-apiserver" kubectl get --raw /readyz

# Only what moves replicas, and what cleans up after it.
start kube-controller-manager "$kuberig" kube-controller-manager \
	--kubeconfig "$kubeconfig" --leader-elect=false --secure-port 0 \
	--controllers deployment-controller,replicaset-controller,statefulset-controller,job-controller,horizontal-pod-autoscaler-controller,garbage-collector-controller,namespace-controller \
	--horizontal-pod-autoscaler-sync-period "$HPA_SYNC_PERIOD" \
	--horizontal-pod-autoscaler-downscale-stabilization "$HPA_DOWNSCALE_STABILIZATION" \
	--horizontal-pod-autoscaler-tolerance "$HPA_TOLERANCE" "${rate[@]}"

start pods "$kuberig" pods --kubeconfig "$kubeconfig" --logs "$KEDA_RIG_DIR/logs/pods"

kubectl create namespace keda >/dev/null
kubectl apply --server-side -f "$KEDA_RIG_CACHE/crd" >/dev/null
wait_for 30 "custom resources of KEDA" kubectl get scaledobjects,scaledjobs,triggerauthentications,clustertriggerauthentications -A

export KUBECONFIG=$kubeconfig POD_NAMESPACE=keda WATCH_NAMESPACE="" KEDA_CLUSTER_OBJECT_NAMESPACE=keda
start keda "$KEDA_RIG_CACHE/bin/keda" --zap-log-level "$KEDA_LOG_LEVEL" --zap-encoder console \
	--cert-dir "$KEDA_RIG_DIR/pki/keda" --metrics-bind-address 0 --health-probe-bind-address "127.0.0.1:$health" \
	--metrics-service-bind-address "127.0.0.1:$operator" "${rate[@]}"
start keda-adapter "$KEDA_RIG_CACHE/bin/keda-adapter" --zap-log-level "$KEDA_LOG_LEVEL" \
	--bind-address 127.0.0.1 --secure-port "$adapter" --port "$adapter_metrics" \
	--cert-dir "$KEDA_RIG_DIR/pki/keda" --tls-cert-file keda/tls.crt --tls-private-key-file keda/tls.key \
	--lister-kubeconfig "$kubeconfig" --authentication-kubeconfig "$kubeconfig" --authorization-kubeconfig "$kubeconfig" \
	--metrics-service-address "localhost:$operator" "${rate[@]}"

# The aggregator dials a service by its name: ExternalName takes it to loopback.
kubectl apply --server-side -f - >/dev/null <<END
apiVersion: v1
kind: Service
metadata: {name: keda-metrics-apiserver, namespace: keda}
spec:
  type: ExternalName
  externalName: localhost
  ports: [{name: https, port: $adapter}]
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1beta1.external.metrics.k8s.io}
spec:
  group: external.metrics.k8s.io
  version: v1beta1
  groupPriorityMinimum: 100
  versionPriority: 100
  caBundle: $(base64 -w0 keda/ca.crt)
  service: {name: keda-metrics-apiserver, namespace: keda, port: $adapter}
END
wait_for 60 "external metrics" kubectl get --raw /apis/external.metrics.k8s.io/v1beta1
wait_for 30 "KEDA operator" curl -fsS "http://127.0.0.1:$health/readyz"

say "up in $SECONDS s; export KUBECONFIG=$kubeconfig"
