#!/usr/bin/env bash
# Generates the protocol code from our .proto files. Needs protoc on the PATH
# (Debian: protobuf-compiler); the Go plugins come from go.mod.
set -euo pipefail
cd "$(dirname "$0")/../.."

command -v protoc >/dev/null || {
	echo "make generate: protoc is missing: install it (Debian: apt-get install protobuf-compiler)" >&2
	exit 1
}

bin=$(mktemp -d)
trap 'rm -rf "$bin"' EXIT
go build -o "$bin/" google.golang.org/protobuf/cmd/protoc-gen-go google.golang.org/grpc/cmd/protoc-gen-go-grpc

module=github.com/funchost/funchost
PATH="$bin:$PATH" protoc -I . \
	--go_out=. --go_opt=module=$module \
	--go-grpc_out=. --go-grpc_opt=module=$module \
	dts/internal/dtspb/messages.proto dts/internal/dtspb/backend.proto dts/internal/dtsgrpc/services.proto \
	dts/scheduler/internal/record/record.proto dts/scheduler/internal/record/entity.proto

# Our messages live in a package of our own, the services keep their names on
# the wire: TestServiceNamesOnTheWire holds both.
sed -i \
	-e 's#funchost\.dts\.TaskHubSidecarService#TaskHubSidecarService#' \
	-e 's#funchost\.dts\.BackendService#durabletask.protos.backend.v1.BackendService#' \
	dts/internal/dtsgrpc/services_grpc.pb.go
