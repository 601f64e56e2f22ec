#!/usr/bin/env bash
# Builds the rig's three binaries, from modules of the Go module proxy alone:
#
#	kuberig       etcd, kube-apiserver, kube-controller-manager, kubectl, and a node
#	keda          the KEDA operator
#	keda-adapter  the KEDA metrics API server
#
# They land in $KEDA_RIG_CACHE/bin. One whose sources have not changed is kept.
# GOFLAGS holds: GOFLAGS=-p=1 leaves the other cores alone.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
need go golang
need flock util-linux

mkdir -p "$KEDA_RIG_CACHE/bin"
exec 9>"$KEDA_RIG_CACHE/build.lock"
flock 9

export CGO_ENABLED=0 GOWORK=off GOTOOLCHAIN=${GOTOOLCHAIN:-local}
export GOFLAGS="${GOFLAGS:-} -mod=readonly -buildvcs=false -trimpath"
go=$(go env GOVERSION)

# build NAME STAMP DIR LDFLAGS PACKAGE
build() {
	local name=$1 stamp=$2 dir=$3 ldflags=$4 package=$5 out=$KEDA_RIG_CACHE/bin/$1 began=$SECONDS
	if [[ -x $out && -e $out.stamp && $(<"$out.stamp") == "$stamp" ]]; then
		return
	fi
	say "building $name ($stamp)"
	(cd "$dir" && go build -ldflags "-s -w $ldflags" -o "$out.new" "$package")
	mv "$out.new" "$out"
	echo "$stamp" >"$out.stamp"
	say "$name took $((SECONDS - began)) s and has $(($(stat -c %s "$out") >> 20)) MiB"
}

# required MODULE DIR: the version of a module that DIR/go.mod requires.
required() { (cd "$2" && go list -m -f '{{.Version}}' "$1"); }

# sum DIR: a few digits that change with what is built there.
sum() { find "$1" -type f | LC_ALL=C sort | xargs cat | sha256sum | cut -c1-12; }

k8s=$(required k8s.io/kubernetes "$rig_home/kuberig")
minor=${k8s#v1.} minor=${minor%%.*}
at=k8s.io/component-base/version
build kuberig "kubernetes $k8s $go $(sum "$rig_home/kuberig")" "$rig_home/kuberig" \
	"-X $at.gitVersion=$k8s -X $at.gitMajor=1 -X $at.gitMinor=$minor -X $at.gitTreeState=clean" .

keda=$(required github.com/kedacore/keda/v2 "$rig_home/kedarig")
at=github.com/kedacore/keda/v2
stamp="keda $keda $go $(sum "$rig_home/kedarig")"
flags="-X $at/version.Version=${keda#v} -X $at/version.GitCommit=module-proxy"
build keda "$stamp" "$rig_home/kedarig" "$flags" $at/cmd/operator
build keda-adapter "$stamp" "$rig_home/kedarig" "$flags" $at/cmd/adapter

# The custom resources that this KEDA was released with.
crd=$KEDA_RIG_CACHE/crd
if [[ ! -e $crd/stamp || $(<"$crd/stamp") != "$stamp" ]]; then
	from=$(cd "$rig_home/kedarig" && go list -m -f '{{.Dir}}' $at)
	[[ -d $from/config/crd/bases ]] || die "KEDA $keda brings no config/crd/bases"
	rm -rf "$crd"
	mkdir "$crd"
	cp "$from"/config/crd/bases/*.yaml "$crd/"
	chmod u+w "$crd"/*.yaml
	echo "$stamp" >"$crd/stamp"
fi
