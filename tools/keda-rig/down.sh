#!/usr/bin/env bash
# Stops the processes that up.sh started in this KEDA_RIG_DIR, by the ids that it
# noted, and removes their state. Logs stay until the next up.sh in the same
# folder. Pods are ended, not abandoned; the rest has no state worth an orderly end.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# ours PID: it runs, and it is one of our binaries: an id that was noted before a
# restart of the machine may be anybody's by now. One that has ended and that
# nobody has waited for has no program any more.
ours() {
	local program
	program=$(readlink "/proc/$1/exe") && [[ $program == "$(realpath "$KEDA_RIG_CACHE")"/bin/* ]]
}

# stop SIGNAL NAME...
stop() {
	local signal=$1 name file pid
	shift
	for name in "$@"; do
		file=$KEDA_RIG_DIR/run/$name.pid
		[[ -f $file ]] || continue
		pid=$(<"$file")
		ours "$pid" || continue
		kill "-$signal" "$pid" 2>/dev/null || true # it may end right now
		for _ in {1..50}; do
			ours "$pid" || continue 2
			sleep 0.1
		done
		kill -KILL "$pid" 2>/dev/null || true
	done
}

stop KILL keda-adapter keda kube-controller-manager
stop TERM pods
stop KILL kube-apiserver etcd
rm -rf "$KEDA_RIG_DIR"/{run,etcd,pki,env}
