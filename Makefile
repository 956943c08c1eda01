# Short names; the gate is .ci/run.
.PHONY: test gate bench docs demo build fmt

test: ## everything, installing what it needs
	scripts/install
	go test -count=1 -timeout 60m ./...

gate: ## what CI runs
	bash .ci/run

build: ## the three binaries, into bin/
	go build -o bin/ ./cmd/...

demo: ## the main job
	go run ./cmd/haltlogd demo

bench: ## figures, as JSON, into bench/
	go run ./internal/bench -out bench

docs: ## the generated tables
	go run ./internal/docgen

fmt:
	go tool -modfile=tools/go.mod gofumpt -w .
