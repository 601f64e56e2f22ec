# shellcheck shell=bash
# Sourced by the rig's scripts. Settings, each overridable from the environment.

rig_home=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Where built binaries are kept between runs, and where a running rig lives.
KEDA_RIG_CACHE=${KEDA_RIG_CACHE:-$(cd "$rig_home/../.." && pwd)/.cache/keda-rig}
KEDA_RIG_DIR=${KEDA_RIG_DIR:-$KEDA_RIG_CACHE/rig}

# Clocks of the autoscaler, shortened for tests. Upstream: 15s, 5m, 0.1.
HPA_SYNC_PERIOD=${HPA_SYNC_PERIOD:-1s}
HPA_DOWNSCALE_STABILIZATION=${HPA_DOWNSCALE_STABILIZATION:-3s}
HPA_TOLERANCE=${HPA_TOLERANCE:-0.1}

# Requests a second that the controllers and KEDA may send to the API server,
# each. Upstream: 20, which makes a few hundred ScaledObjects slow.
KUBE_API_QPS=${KUBE_API_QPS:-500}

KEDA_LOG_LEVEL=${KEDA_LOG_LEVEL:-info} # debug shows every decision

kuberig=$KEDA_RIG_CACHE/bin/kuberig
kubeconfig=$KEDA_RIG_DIR/pki/kubeconfig

kubectl() { "$kuberig" kubectl --kubeconfig "$kubeconfig" "$@"; }

say() { echo "keda-rig: $*"; }

die() {
	say "$*" >&2
	exit 1
}

# need COMMAND DEBIAN-PACKAGE
need() {
	command -v "$1" >/dev/null || die "$1 is missing: install it (Debian: apt-get install $2)"
}

# wait_for SECONDS WHAT COMMAND...: run COMMAND until it succeeds.
wait_for() {
	local limit=$1 what=$2 deadline
	shift 2
	deadline=$((SECONDS + limit))
	until "$@" >/dev/null 2>&1; do
		((SECONDS < deadline)) || die "$what: not there after $limit s; logs are in $KEDA_RIG_DIR/logs"
		sleep 0.2
	done
}
