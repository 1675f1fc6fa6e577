# micropq: `make help` lists the targets.

# One static binary: no target but race needs a C compiler.
export CGO_ENABLED = 0

GO      ?= go
PYTHON3 ?= python3

# The go tool leaves folders named testdata out of ./..., so the generator is named.
PACKAGES = ./... ./testdata/gen/...

# The interpreters of the independent implementations. Set MICROPQ_PYTHON and
# MICROPQ_PYTHON_ZARR2 to use existing ones; then nothing is installed.
VENVS = $(if $(MICROPQ_PYTHON),,.venv/.stamp) $(if $(MICROPQ_PYTHON_ZARR2),,.venv-zarr2/.stamp)

# Without the symbol table and DWARF the program is a third smaller; profiles and panics name
# functions all the same.
BUILDFLAGS = -trimpath -ldflags '-s -w'

# The interpreter that comparisons run in, and the real samples (see CONTRIBUTING.md).
PYTHON  = $(or $(MICROPQ_PYTHON),.venv/bin/python)
SAMPLES = $(or $(MICROPQ_SAMPLES),../shared/samples)

FUZZTIME ?= 60s
PLATFORMS = linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: help build demo venv test race lint fuzz bench cross wheel golden clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "%-8s %s\n", $$1, $$2}' Makefile

build: ## build bin/micropq
	$(GO) build $(BUILDFLAGS) -o bin/micropq ./cmd/micropq

demo: build ## convert the smallest sample and look at the result
	testdata/demo.sh

venv: $(VENVS) ## install the implementations that tests compare with

.venv/.stamp: testdata/requirements.txt
.venv-zarr2/.stamp: testdata/requirements-zarr2.txt
.venv/.stamp .venv-zarr2/.stamp:
	$(PYTHON3) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

test: venv ## vet and test everything, with the comparisons
	$(GO) vet $(PACKAGES)
	$(GO) test $(PACKAGES)

race: venv ## test under the race detector, long tests left out
	CGO_ENABLED=1 $(GO) test -race -short $(PACKAGES)

lint: ## check format and style
	@unformatted=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); [ -z "$$unformatted" ] || { echo "not gofmt-ed:"; echo "$$unformatted"; exit 1; }
	@if command -v golangci-lint >/dev/null; then golangci-lint run $(PACKAGES); \
	else echo "golangci-lint is not installed: gofmt and go vet only"; $(GO) vet $(PACKAGES); fi

# A minimizer left to itself takes up to 60 s an interesting input, most of FUZZTIME.
fuzz: ## run every fuzz target for FUZZTIME (60s)
	@set -e; packages=$$($(GO) list $(PACKAGES)); for package in $$packages; do \
		listed=$$($(GO) test -list '^Fuzz' $$package); \
		for target in $$(echo "$$listed" | grep '^Fuzz' || true); do \
			echo "== $$package $$target"; \
			$(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1x $$package; \
		done; \
	done

bench: build venv ## measure against other implementations
	bench/run.sh
	bench/vqa.sh
	$(PYTHON) bench/loaders.py
	$(PYTHON) bench/flight.py
	@if [ -d $(SAMPLES)/nclsm ]; then \
		$(PYTHON) bench/tiff.py --samples $(SAMPLES); \
		$(GO) test -c -o build/mask.test ./internal/mask; \
		$(PYTHON) bench/masks.py bin/micropq build/mask.test $(SAMPLES)/nclsm/S60_groundtruth.tiff; \
	else echo "no real samples in $(SAMPLES): TIFF and masks are not measured"; fi

cross: ## build for every platform into dist/
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*}; arch=$${platform#*/}; ext=; [ $$os != windows ] || ext=.exe; \
		echo "dist/micropq-$$os-$$arch$$ext"; \
		GOOS=$$os GOARCH=$$arch $(GO) build $(BUILDFLAGS) -o dist/micropq-$$os-$$arch$$ext ./cmd/micropq; \
	done

wheel: venv ## build a Python wheel a platform into dist/, the program inside
	python/wheels.sh $(PYTHON) $(PLATFORMS)

golden: ## rewrite the golden files; read the diff before committing it
	$(GO) test $$(grep -rl --include='*_test.go' 'flag.Bool("update"' . | xargs -n1 dirname | sort -u) -update

clean: ## remove what the targets made
	rm -rf bin build dist .venv .venv-zarr2
