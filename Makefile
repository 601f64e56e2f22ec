# A line of help stands behind ## of each target; `make` prints them.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
GO ?= go
TOOL := $(GO) tool -modfile=tools/go.mod

.PHONY: help
help: ## Show what there is to make.
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14 | sed 's/^/  make /'

.PHONY: run
run: ## Serve the first example, rebuilt on every save.
	$(GO) build -o bin/funchost ./cmd/funchost
	bin/funchost run ./examples/hellocities # go run would call Ctrl-C an error

.PHONY: test
test: ## Run all tests; needs Go and nothing else.
	CGO_ENABLED=0 $(GO) test ./...

.PHONY: quick
quick: fmt-check vet test ## Before each commit: format, vet, tests.

.PHONY: check
check: fmt-check vet vet-durable lint race planted ## Before a push and in CI: quick with the linters, the race detector and generated code.

.PHONY: fmt
fmt: ## Format all Go files.
	$(TOOL) gofumpt -w .

.PHONY: fmt-check
fmt-check:
	@unformatted=$$($(TOOL) gofumpt -l .); \
	[[ -z $$unformatted ]] || { printf 'not formatted, run make fmt:\n%s\n' "$$unformatted" >&2; exit 1; }

.PHONY: vet
vet:
	$(GO) vet ./...

.PHONY: vet-durable
vet-durable:
	$(GO) run ./cmd/funchost vet ./examples/... ./templates/...

.PHONY: lint
lint: ## Run the linters; their first build takes minutes.
	$(TOOL) golangci-lint run ./...

# The rules of the house (directions, docs links, generated code) are tests of
# the root package, so they run here too. With protoc asked for they cannot skip.
# The analyzer looks at whole programs with one goroutine: make test is its place,
# the race detector has nothing to find in it and takes ten times as long.
.PHONY: race
race: ## Run all tests with the race detector; needs a C compiler.
	NEED_PROTOC=$(if $(shell command -v protoc),1,) CGO_ENABLED=1 $(GO) test -race \
		-skip '^TestScripts$$/^vet$$' $$($(GO) list ./... | grep -v '/durablevet$$')

.PHONY: planted
planted: ## Build the scheduler with known bugs, one at a time, and require that its tests find each.
	$(GO) test -tags planted -run '^TestEachPlantedBugIsFound$$' ./dts/scheduler

# The numbers of a pull request; a nightly run or a release gives larger ones:
# make crash CUTS=100000 WORLDS=10000 ERRORS=20000
CUTS ?= 2000
WORLDS ?= 200
ERRORS ?= 500
.PHONY: crash
crash: ## Cut the power, lose workers and answers, let the disk fail: two minutes of it.
	CGO_ENABLED=0 $(GO) test -count=1 -timeout 24h -parallel 8 -run 'BreakNoPromise$$' ./dts/scheduler \
		-cuts=$(CUTS) -worlds=$(WORLDS) -errors=$(ERRORS)

.PHONY: conformance
conformance: ## Hold a scheduler against the rules of the protocol: ours, or the one in DTS_CONFORMANCE.
	CGO_ENABLED=0 $(GO) test -count=1 -v -run '^TestConformance$$' ./dts/dtstest/conformance | grep -vE '^ *=== '

.PHONY: generate
generate: ## Generate the protocol code; needs protoc.
	tools/generate/proto.sh

.PHONY: interop
interop: ## Run the JavaScript, Python and Java SDKs against our scheduler; needs node and python3, for Java a JDK and Maven.
	dts/dtstest/interop/run

.PHONY: azurite
azurite: ## Try large payloads on the Azurite emulator, shared with Python; needs node, npm and python3.
	dts/payload/azureblob/azurite/run

.PHONY: e2e-keda
e2e-keda: ## Let a real KEDA scale real workers; the first time builds it, a quarter of an hour.
	$(GO) build -o .cache/e2e-keda ./deploy/keda/e2e
	exec .cache/e2e-keda

.PHONY: bench
bench: ## Run the benchmarks once; docs/performance.md says how to read them.
	$(GO) test -run '^$$' -bench . -benchmem ./...
