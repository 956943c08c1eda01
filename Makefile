# Short names; the gate is .ci/run.
.PHONY: test peers faults gate bench fingerprint-report docs demo build fmt

test: ## everything, installing what it needs
	scripts/install
	go test -count=1 -timeout 60m ./...
	scripts/test-peers

peers: ## implementations that share no code with this one: foreign clients and servers, the second verifier
	scripts/test-peers

faults: ## processes killed 50 times each, full disks, wrong files
	HALTLOG_KILL_ROUNDS=50 HALTWITNESS_KILL_ROUNDS=50 go test -count=1 -timeout 30m ./internal/faults ./cmd/haltwitness

gate: ## what CI runs
	bash .ci/run

build: ## the three binaries, into bin/
	go build -o bin/ ./cmd/...

demo: ## the main job
	go run ./cmd/haltlogd demo

bench: ## figures, as JSON into bench/ and as a page into docs/
	go run ./internal/bench -out bench -page docs/figures.md

fingerprint-report: ## what the sketches find of disguised models: a page and pictures into docs/, in some minutes
	go run ./internal/printreport -out docs

docs: ## the generated tables
	go run ./internal/docgen

fmt:
	go tool -modfile=tools/go.mod gofumpt -w .
