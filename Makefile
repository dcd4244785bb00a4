# make run     a first look: build, and run the bundled scenario quickstart
# make test    everything, with the race detector
# make check   formatting, vet on every system, staticcheck
# make fidelity   the laws against their statistics, TCP against gVisor and the kernel
# make bench, make fuzz (FUZZTIME=5s for each target)
# make bookworm   run and test in a fresh Debian made for it (as root)
GO ?= go
GOFUMPT = $(GO) run mvdan.cc/gofumpt@v0.9.1
STATICCHECK = $(GO) run honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 5s

.PHONY: setup setup-test build run test check fidelity bench fuzz bookworm

setup:
	@.ci/setup cc pkg-config opus opusfile

setup-test: setup
	@.ci/setup chromium openssl

build: setup
	$(GO) build -o bin/xzfleet ./emulator

run: build
	bin/xzfleet run quickstart

# Packages one after the other: some tests hold this machine to the
# millisecond. The laws run once more without the race detector, where they
# draw enough for narrow intervals.
test: setup-test
	@start=$$(date +%s); verdict=ok; \
	$(GO) build -race ./... && $(GO) test -race -p 1 -timeout 20m ./... || verdict=FAIL; \
	$(GO) test -timeout 20m ./netem/... && $(GO) test -run TestCleanLive ./emulator/fleet || verdict=FAIL; \
	(cd netem/oracle && $(GO) test ./...) || verdict=FAIL; \
	printf '%s\t%s\t%ss\n' $$verdict xzfleet/all $$(($$(date +%s) - start)); \
	test $$verdict = ok

check: setup
	@badly=$$($(GOFUMPT) -l .); test -z "$$badly" || { echo "not as gofumpt has it: $$badly"; exit 1; }
	$(GO) vet ./... && $(GO) vet -tags kernel ./netem
	for os in linux darwin windows; do CGO_ENABLED=0 GOOS=$$os $(GO) vet ./... || exit 1; done
	$(STATICCHECK) ./...
	cd netem/oracle && $(GO) vet ./... && $(STATICCHECK) ./...

fidelity: setup
	@.ci/fidelity

bench: setup
	$(GO) test -run '^$$' -bench . -benchmem ./...

fuzz: setup
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; \
	done

bookworm:
	.ci/bookworm
