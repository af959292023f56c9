# `make demo` shows Levee at work, `make test` proves it; both install what they need first.

SWIFT_RELEASE = swift build -c release --static-swift-stdlib --product levee
LEVEE = .build/release/levee
PYTHON = .venv/bin/python

.PHONY: build rootfs image demo dev test unit interop bench bench-log bench-log-curve bench-parquet bench-store bench-large bench-page-copy fuzz soak lint format generate generate-deploy clean dependencies peers help

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

dependencies:
	@scripts/install-dependencies

peers:
	@scripts/install-dependencies --python

build: dependencies ## build the release binary, .build/release/levee
	$(SWIFT_RELEASE)

IMAGE = .build/image

rootfs: build ## the root file system of the image and its bill of materials, below .build/image, without a container engine
	@rm -rf $(IMAGE)/rootfs
	@mkdir -p $(IMAGE)
	@scripts/rootfs --strip --output $(IMAGE)/rootfs --sbom $(IMAGE)/levee.spdx.json $(LEVEE)

image: build ## the same packed as an image, .build/image/levee.oci.tar, which docker load and skopeo take
	@rm -rf $(IMAGE)/rootfs
	@mkdir -p $(IMAGE)
	@scripts/rootfs --strip --output $(IMAGE)/rootfs --sbom $(IMAGE)/levee.spdx.json --oci $(IMAGE)/levee.oci.tar $(LEVEE)

demo: build ## create a table of small files, let the operator compact it, show before and after
	@scripts/demo $(LEVEE)

dev: build ## run a control plane with the operator on this machine until interrupted
	@exec $(LEVEE) dev --data-dir .dev

INTEROP = LEVEE_BIN=$(CURDIR)/$(LEVEE) $(PYTHON) -m pytest Tests/Interop -q -ra --timeout 300 --numprocesses 2 --dist loadfile

test: dependencies peers ## all tests: units, then the built program against its peers and kubectl
	@scripts/test '$(SWIFT_RELEASE)' '$(INTEROP)'

unit: dependencies
	@scripts/unit-tests

interop: peers build
	$(INTEROP)

soak: peers build ## the long tests: contention, crashes and hostile input by the thousand (seeded)
	LEVEE_SOAK=1 LEVEE_BIN=$(CURDIR)/$(LEVEE) $(PYTHON) -m pytest Tests/Interop -q -ra -m soak --timeout 3600
	LEVEE_SOAK=1 swift test -c release --scratch-path .build/soak -Xswiftc -enable-testing --no-parallel --filter 'ParquetTests|LogMutationTests|RandomDeleteTests|FaultSweepTests|ComputeStatisticsTests|InterleavingTests|S3FaultTests|RemoteFaultTests|AzureStoreTests|GCSStoreTests'
	.venv/s3/bin/python Tests/Interop/ceph_server.py --bucket lake -- \
		swift test -c release --scratch-path .build/soak -Xswiftc -enable-testing --no-parallel --filter 'ConformanceTests|S3StoreTests'

bench: peers build ## maintenance beside deltalake on the same input: wall, CPU, peak RSS, ratios
	$(PYTHON) bench/run.py --levee $(LEVEE)

bench-parquet: peers ## Parquet decoding and encoding beside pyarrow: a whole table, and by type, encoding and codec
	swift build -c release --static-swift-stdlib --product ParquetBench
	$(PYTHON) bench/parquet.py --bench .build/release/ParquetBench --workload
	$(PYTHON) bench/parquet.py --bench .build/release/ParquetBench --encode
	$(PYTHON) bench/parquet.py --bench .build/release/ParquetBench --encode-matrix --runs 3
	$(PYTHON) bench/parquet.py --bench .build/release/ParquetBench

bench-store: peers ## the object stores beside boto3 and object_store: GET, PUT, listings, against a loopback server
	swift build -c release --static-swift-stdlib --product StoreBench
	.venv/s3/bin/pip install --quiet --disable-pip-version-check obstore==0.12.1
	.venv/s3/bin/python bench/store.py --bench .build/release/StoreBench

bench-large: peers build ## tables of ten gigabytes under a limit of 256 MB that the kernel enforces (40 GB of disk)
	$(PYTHON) bench/large.py --levee $(LEVEE)

bench-page-copy: peers build ## what page copy makes beside what a re-encode makes: size, and how fast pyarrow reads it
	$(PYTHON) bench/pagecopy.py --levee $(LEVEE)

bench-log: peers build ## the log alone, beside deltalake: opening 200,000 files from commits and from a checkpoint, writing that
	$(PYTHON) bench/run.py --levee $(LEVEE) --only log

bench-log-curve: peers build ## Levee's log alone, from ten thousand to five million files (4 GB of input)
	$(PYTHON) bench/run.py --levee $(LEVEE) --runs 1 --curve 10000,100000,1000000,5000000

fuzz: dependencies ## every fuzz target for SECONDS (60), with AddressSanitizer; builds on its own
	@scripts/fuzz $(or $(SECONDS),60)

lint: dependencies peers ## formatting, drift of generated code
	swift format lint --strict --recursive --parallel Package.swift Sources Tests
	scripts/generate-api --check

format: ## format all Swift sources in place
	swift format --in-place --recursive --parallel Package.swift Sources Tests

generate: peers ## generate the API types, the chart's definitions and the table of its values
	scripts/generate-api

generate-deploy: generate build ## generate the plain manifests in deploy/ from the chart, with the real Helm
	LEVEE_BIN=$(CURDIR)/$(LEVEE) $(PYTHON) scripts/generate-chart --deploy

clean: ## remove everything that was built, installed locally or left by demo and bench
	rm -rf .build .venv .dev .demo .bench .fuzz
