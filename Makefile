# `make run` is the main job, `make test` is everything; both do their own set-up.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

export CGO_ENABLED := 0
export GOFLAGS := -buildvcs=false

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X sipcause/internal/cli.Version=$(VERSION)
TOOL := go tool -modfile=tools/go.mod
# Where goroutines meet: elsewhere the race detector costs ten times the time for nothing. The comparison with
# tshark is tshark's time and goes without; so do cases built anew one after the other, the loop of kills and the hours of
# traffic, which take minutes each.
RACE := ./internal/capture/... ./internal/correlate/... ./internal/pipeline/... ./internal/cli/... ./internal/serve/... ./internal/httpapi/... ./internal/store/memory/... ./internal/agent/...
CROSS := darwin/arm64 windows/amd64 linux/arm64
FUZZTIME ?= 60s

.PHONY: run build test unit accuracy record race seeds fuzz bench lint fmt cover man completion package cross deps clean

run: build ## build the binary and let it serve invented traffic until Ctrl-C, or FOR=15s
	./sipcause demo --serve $(if $(FOR),--for $(FOR))

build: ## ./sipcause, static
	go build -trimpath -ldflags '$(LDFLAGS)' -o sipcause ./cmd/sipcause

test: deps build cross lint seeds race unit ## everything; the plain tests close

unit: build ## go test of all packages, the live recordings with Kamailio and SIPp included
	go test -count=1 -timeout 20m ./...

accuracy: ## how often root cause and origin are right, on everything whose truth is known, and every miss
	go test -count=1 -v ./accuracy

record: deps build ## play the lab's scenes and their twins again, and keep recordings and labels for accuracy
	go test -count=1 -timeout 20m -run TestRecordings ./lab -record

race: ## the packages where goroutines meet, under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -skip 'Tshark|Reopen|ServeKilled|ServeSoak' -timeout 20m $(RACE)

seeds: ## every fuzz target for a few seconds
	scripts/fuzz.sh 3s

fuzz: ## every fuzz target for FUZZTIME
	scripts/fuzz.sh $(FUZZTIME)

bench: deps build ## analyze against tshark and sngrep, serve under HEP, both with the counts checked; BENCH="-stored 10000000" and others
	go run ./bench/run $(BENCH)

lint: ## formatting, go.mod, linters
	@out=$$($(TOOL) gofumpt -l .); [ -z "$$out" ] || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	go mod tidy -diff
	$(TOOL) golangci-lint run ./...

fmt: ## format every Go file
	$(TOOL) gofumpt -w .

cover: ## cover.out, and the share of each package's statements that some test reaches
	go test -timeout 20m -coverprofile=cover.out -coverpkg=./... ./...
	@awk 'NR > 1 { n[$$1] = $$2; if ($$3) hit[$$1] = 1 } \
		END { for (b in n) { p = b; sub("/[^/]*$$", "", p); all[p] += n[b]; if (b in hit) in_[p] += n[b] } \
		for (p in all) printf "%5.1f %% %s\n", 100 * in_[p] / all[p], p }' cover.out | sort -k 3

man: build ## man pages from the table of commands
	mkdir -p build/man
	./sipcause man build/man

completion: build ## shell completion from the table of commands
	mkdir -p build/completion
	for s in bash zsh fish; do ./sipcause completion $$s > build/completion/sipcause.$$s; done

package: ## Debian packages of the server in build/, for amd64 and arm64
	rm -f build/sipcause_*.deb
	scripts/package.sh build amd64 arm64

cross: ## the other platforms: built, not run
	@for p in $(CROSS); do \
		echo "build $$p"; GOOS=$${p%/*} GOARCH=$${p#*/} go build -trimpath -o /dev/null ./cmd/sipcause; \
	done

deps: ## what the tests drive, installed where it is missing
	scripts/deps.sh

clean:
	rm -rf sipcause build cover.out
