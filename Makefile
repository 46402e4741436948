# Every target is a line or two that a person could type.
GO ?= go
BIN := bin
export CGO_ENABLED := 0
export KUBECTL_MESH_BIN := $(CURDIR)/$(BIN)/kubectl-mesh
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X github.com/kubectl-mesh/kubectl-mesh/pkg/cmd.version=$(VERSION)
SANDBOX := $(GO) run ./test/sandbox/cmd/sandbox

# Releases. TAG is the version of archives made here; PLATFORMS=linux/amd64,... makes fewer than all six.
TAG ?= $(shell git describe --tags --match 'v[0-9]*' --dirty 2>/dev/null || echo v0.0.0-g$$(git rev-parse --short HEAD))
PLATFORMS ?=
FROM ?=
RELEASE := $(GO) run ./test/release/cmd/release --tag=$(TAG) --platforms=$(PLATFORMS)
TOOLS := $(CURDIR)/dist/tools

.PHONY: build test test-all unit e2e golden lint verify demo sandbox sandbox-down man pictures kubectl-matrix bench \
	size build-all release-files dist krew krew-manifest krew-verify release-check reproducible

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

bench: build ## doctor and inject against istioctl, route against kubectl, on a large mesh; writes docs/benchmarks.md
	$(GO) run -tags sandbox ./test/bench

size: build ## fails where the stripped program has 100 MB or more
	@$(RELEASE) size $(BIN)/kubectl-mesh

build-all: ## the program for six platforms, in dist/build; minutes each when cold
	@test/progress $(RELEASE) build

release-files: build man ## what archives hold beside the program: licences, man pages, completions
	@mkdir -p dist/completions
	$(BIN)/kubectl-mesh completion bash > dist/completions/kubectl-mesh.bash
	$(BIN)/kubectl-mesh completion zsh > dist/completions/_kubectl-mesh
	$(BIN)/kubectl-mesh completion fish > dist/completions/kubectl-mesh.fish
	$(BIN)/kubectl-mesh completion powershell > dist/completions/kubectl-mesh.ps1
	$(RELEASE) licences dist/THIRD_PARTY_LICENSES.txt

dist: release-files ## archives and checksums as a release has them, in dist/release
	@test/progress $(RELEASE) archives

krew: dist krew-manifest ## archives, and krew's manifest with their checksums

krew-manifest: ## krew's manifest with the checksums of archives that are there; FROM=folder
	@$(RELEASE) --from=$(FROM) manifest

krew-verify: krew ## krew checks the manifest, installs every archive, and kubectl runs what it installed
	$(GO) -C test/krew build -o $(TOOLS)/ sigs.k8s.io/krew/cmd/krew sigs.k8s.io/krew/cmd/validate-krew-manifest
	@$(RELEASE) verify --tools=$(TOOLS) --kubectl=$${KUBECTL:-$$($(SANDBOX) build | tail -1)/kubectl}

release-check: ## goreleaser checks .goreleaser.yaml; it is built first, 15 minutes when cold
	@test/progress $(GO) -C test/goreleaser build -o $(TOOLS)/ github.com/goreleaser/goreleaser/v2
	$(TOOLS)/goreleaser check

reproducible: ## builds this machine's program twice, in two folders, and compares
	@test/release/reproducible
