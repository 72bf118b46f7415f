# yunei 域内. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
export GOFLAGS ?= -buildvcs=false
.DELETE_ON_ERROR:

cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/yunei
lint  := $(cache)/golangci-lint-v2.15.0
out   := out

# Packages that link no engine: the race detector runs on these.
race := ./fault ./suite ./ident ./jobs/... ./governance/... ./gate ./gate/budget ./gate/evidence ./gate/register ./gate/finish ./storage ./storage/dir ./storage/seal ./storage/journal ./sandbox/wire ./release ./link ./party/lease ./custody ./enrol ./storage/spool

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build every binary into bin/
	@mkdir -p bin
	go build -o bin/ ./cmd/... ./examples/city/citygen ./examples/mainjob ./examples/realdata
	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags='-s -w' -o bin/district-age-go.wasm ./examples/programs/district-age-go

.PHONY: demo
demo: build ## the main job on a generated city of 200,000 people, narrated, both modes
	bin/mainjob --out $(out)/demo

.PHONY: demo-real
demo-real: build ## the same binaries on a file that nobody here made (npm vega-datasets)
	build/vega.sh $(out)/vega
	bin/realdata --csv $(out)/vega/birdstrikes.csv --out $(out)/demo-real

.PHONY: test
test: minio swtpm ## all tests, with a real MinIO server, a software TPM and the real binaries
	go vet ./...
	go test -timeout 20m ./...
	go test -race -timeout 20m $(race)

.PHONY: check
check: $(lint) ## format, lint, generated files: what CI runs beside the tests
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo 'not gofmted: make fix'; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go mod verify >/dev/null
	go mod tidy -diff
	$(lint) run ./...

.PHONY: fix
fix: $(lint) ## repair what a machine can
	go mod tidy
	$(lint) fmt ./...
	$(lint) run --fix ./... || true

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME each (default 10s)
	build/fuzz.sh $(or $(FUZZTIME),10s)

.PHONY: bench
bench: ## the benchmarks whose figures the documents quote
	go test -run '^$$' -bench . -benchtime 1x ./sandbox/... ./jobs ./examples/sdk ./enclave/he ./storage/... ./examples/city ./bus

.PHONY: prove-crash
prove-crash: ## the whole crash table: every step of every daemon, before and after its journal entry
	YUNEI_CRASH_FULL=1 go test -count=1 -timeout 60m -run TestCrash -v ./internal/crash

.PHONY: prove-sandbox
prove-sandbox: build ## hostile guests, two engines, transcripts, 10,000 runs, fuzzing and the benchmark, all in full
	YUNEI_PROVE=1 go test -count=1 -timeout 120m ./sandbox/... ./jobs/... ./storage/columns ./twin ./examples/sdk/... ./internal/hostile ./internal/engines
	YUNEI_PROVE=1 go test -count=1 -timeout 60m -v -run 'TestTranscripts|TestNothingIsLeft|TestEngines|TestReplay' ./site
	build/fuzz.sh $(or $(FUZZTIME),60s) ./sandbox ./jobs/abi
	go test -run '^$$' -bench BenchmarkRun -benchtime 50x ./site
	$(MAKE) bench-sandbox

.PHONY: prove-gate
prove-gate: build ## published answers, every small table, attackers, the privacy audit and the gate's benchmarks, all in full
	YUNEI_PROVE=1 go test -count=1 -timeout 120m ./gate/... ./trustee ./site ./internal/privacy ./internal/attackers/... ./internal/sequences
	build/fuzz.sh $(or $(FUZZTIME),60s) ./gate
	$(MAKE) bench-gate

.PHONY: prove-enclave
prove-enclave: build swtpm ## the protocol: every small committee, hundreds of schedules with liars, published vectors, real quotes, fuzzing, benchmarks
	YUNEI_PROVE=1 go test -count=1 -timeout 120m ./enclave/... ./internal/committee ./internal/schedules ./internal/joins ./opening ./trustee ./jobs/msg ./bus ./link ./party/... ./custody ./enrol
	build/fuzz.sh $(or $(FUZZTIME),60s) ./enclave ./jobs/msg ./bus ./link ./party ./custody ./enrol ./storage/roll
	$(MAKE) bench-enclave

.PHONY: prove-governance
prove-governance: build ## the procedures: every table and gate, a hundred random plays over them in five cities, bent servers, the records made anew and altered, a hundred thousand cases, the stories
	YUNEI_PROVE=1 go test -count=1 -timeout 120m ./governance/... ./storage/records ./internal/procedures
	go test -count=1 -timeout 60m -v -run 'TestStories/^(cases|papers|orders|withdrawn|duties|check|profile|records)$$|TestStories/^cities' ./cmd/yunei

.PHONY: bench-enclave
bench-enclave: ## the secure sum to a million cells against SEAL and adding in the clear; verifiable sums; the private join of 100,000; on one core
	cd bench && npm install --silent --no-audit --no-fund --no-package-lock --prefix sums/seal && go build -o $(CURDIR)/bin/sums ./sums
	taskset -c 0 bin/sums --root $(CURDIR) --longest 1048576
	GOMAXPROCS=1 YUNEI_PROVE=1 go test -run '^$$' -bench 'Join|Point' -benchtime 1x ./enclave/psi
	GOMAXPROCS=1 go test -run '^$$' -bench '/histogram100$$|Beside' ./enclave/prio
	GOMAXPROCS=1 go test -run '^$$' -bench . ./enclave/attest

.PHONY: bench-gate
bench-gate: ## a cube of 10,000 cells against 1,000 releases on 1,000,000 units; discrete Gaussians a second; on one core
	GOMAXPROCS=1 YUNEI_PROVE=1 go test -count=1 -timeout 30m -v -run 'TestScale|TestExplosion' ./gate/register
	GOMAXPROCS=1 go test -run '^$$' -bench . -benchtime 1x -benchmem ./gate/suppress ./gate/evidence
	GOMAXPROCS=1 go test -run '^$$' -bench Gaussian ./gate/noise

.PHONY: bench-sandbox
bench-sandbox: ## the sandbox against bare wasmer, wazero, wasmtime and native Go, on one core
	cd bench && go build -o $(CURDIR)/bin/bench . && taskset -c 0 $(CURDIR)/bin/bench --root $(CURDIR)

.PHONY: minio
minio: ## the MinIO server that the object-store suite runs against, built once into the cache
	@build/minio.sh

.PHONY: swtpm
swtpm: ## the software TPM that attestation is tested against (Debian's swtpm)
	@build/swtpm.sh

.PHONY: wasm
wasm: ## rebuild the committed guests from source and compare their digests (build/guests.sh --install)
	build/guests.sh $(CURDIR)/$(out)/wasm

.PHONY: guests
guests: ## rebuild the committed guests in the tree, and write their digests
	build/guests.sh --commit

$(lint):
	@mkdir -p $(cache)
	GOFLAGS= GOBIN=$(cache)/lint-build go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	mv $(cache)/lint-build/golangci-lint $@
