# Every target is a line or two that a person could type.
GO ?= go
BIN := bin
export CGO_ENABLED := 0
export KUBECTL_MESH_BIN := $(CURDIR)/$(BIN)/kubectl-mesh
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/kubectl-mesh/kubectl-mesh/pkg/cmd.version=$(VERSION)
SANDBOX := $(GO) run ./test/sandbox/cmd/sandbox

.PHONY: build test test-all unit e2e golden lint verify demo sandbox sandbox-down man pictures kubectl-matrix bench

build: ## the plugin, as bin/kubectl-mesh
	@echo "building bin/kubectl-mesh (about 6 minutes on two cores the first time, seconds after)"
	@mkdir -p $(BIN)
	$(GO) build -ldflags='$(LDFLAGS)' -o $(BIN)/kubectl-mesh ./cmd/kubectl-mesh

test: build unit ## what README and CI run: unit tests and one sandbox scenario of every family
	@test/progress $(SANDBOX) build
	@test/progress $(GO) test -tags sandbox -timeout 30m -v -count=1 -p 1 ./test/sandbox/... ./test/differential/...
	@test/progress $(GO) test -tags sandbox -timeout 30m -v -count=1 ./test/e2e/... -args -short-scenarios

test-all: build unit ## every sandbox scenario
	@test/progress $(SANDBOX) build
	@test/progress $(GO) test -tags sandbox -timeout 120m -v -count=1 -p 1 ./test/sandbox/... ./test/differential/... ./test/e2e/...

unit: ## tests that need nothing but Go
	@test/progress $(GO) test ./...

e2e: build ## the sandbox scenarios alone; E2E=name runs one
	$(GO) test -tags sandbox -timeout 120m -v -count=1 ./test/e2e/... -run 'TestScripts/.*/$(E2E)'

golden: ## rewrite golden files; read the diff before committing it
	UPDATE=1 $(GO) test ./...

lint: ## gofmt, vet, staticcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(GO) vet -tags sandbox ./...
	$(GO) tool -modfile=test/lint/go.mod staticcheck ./...

verify: build lint unit ## build, vet, lint, unit tests, goldens clean
	@git diff --exit-code --stat -- . || { echo "files changed; commit them"; exit 1; }

demo: build ## the doctor on recorded clusters; no cluster needed
	@test/demo $(BIN)/kubectl-mesh

sandbox: ## a real control plane on this machine; prints the KUBECONFIG
	@$(SANDBOX) up

sandbox-down: ## end it
	@$(SANDBOX) down

man: ## the man pages of all commands, in dist/man
	MAN_PAGES=$(CURDIR)/dist/man $(GO) test -count=1 -run TestManPages ./pkg/cmd

pictures: ## docs/img, drawn from what the program prints
	UPDATE=1 $(GO) test -count=1 -run TestPicturesAreCurrent ./pkg/cmd

kubectl-matrix: build ## what depends on kubectl, with every other kubectl of this machine
	@test/progress $(SANDBOX) build
	KUBECTLS="$$(test/kubectls)" $(GO) test -tags sandbox -timeout 60m -v -count=1 -run TestKubectls ./test/e2e/...

bench: build ## doctor against istioctl on a large mesh; writes docs/benchmarks.md
	$(GO) run -tags sandbox ./test/bench
