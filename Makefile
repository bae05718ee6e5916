# Every target builds what it needs. `make` alone lists the targets.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
# two workers with whole files, so that the fixtures of a file are built once
PYTEST_ARGS ?= -n 2 --dist loadfile
# the weekly job on the sample, from files to a published generation
CHAIN = tests/integration/test_weekly_job.py
export PYTHONUNBUFFERED := 1
# if it is set, every process compiles each library that it imports, which can double its time
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

.PHONY: setup
setup: ## Create .venv for running the product
	@requirements/install.sh runtime

.PHONY: setup-dev
setup-dev: ## Create .venv for development
	@requirements/install.sh dev

.PHONY: run
run: setup ## Set up, get data or the sample, run the weekly job, print what was published
	@if [ -z "$$ROSSMANN_RAW_DIR" ] && [ ! -f data/raw/train.csv ] && [ ! -f data/sample/train.csv ]; then \
		echo "no data in ROSSMANN_RAW_DIR or data/raw: writing the synthetic sample"; \
		$(BIN)/rossmann data sample --stores 200 --seed 7; \
	fi
	@$(BIN)/rossmann refresh

.PHONY: test
test: lint ## Check style and types; run unit tests, component tests and one whole chain
	@$(BIN)/python -m pytest $(CHAIN) tests/unit tests/component $(PYTEST_ARGS) --no-loadscope-reorder

.PHONY: test-unit
test-unit: setup-dev ## Run the unit tests alone: under a minute
	@$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

.PHONY: test-all
test-all: lint ## Run every test, with coverage of unit and component tests, and the mutation sample
	@$(BIN)/coverage erase
	@ROSSMANN_KILL_TESTS=1 $(BIN)/python -m pytest tests/unit tests/component --cov --cov-fail-under=90 --cov-report=term:skip-covered --cov-report=html:.state/coverage $(PYTEST_ARGS)
	@ROSSMANN_KILL_TESTS=1 ROSSMANN_FUZZ_EXAMPLES=500 $(BIN)/python -m pytest tests/integration $(PYTEST_ARGS) --no-loadscope-reorder
	@$(MAKE) --no-print-directory mutation

.PHONY: mutation
mutation: setup-dev ## Plant small faults in the arithmetic, and count those that the unit tests notice
	@$(BIN)/python -m benchmarks.mutation $(MUTATION_ARGS)

.PHONY: fuzz
fuzz: setup-dev ## Send 500 random requests per operation to the API, and check the answers against its document
	@ROSSMANN_FUZZ_EXAMPLES=500 $(BIN)/python -m pytest -n 0 \
		tests/integration/test_api_with_a_model.py tests/integration/test_api_swaps.py

.PHONY: lint
lint: setup-dev ## Check style, types, imports, SQL, containers and workflows
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint-types lint-style lint-delivery

.PHONY: lint-types
lint-types:
	@$(BIN)/mypy

.PHONY: lint-style
lint-style:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/sqlfluff lint dbt_project
	@git ls-files -z | xargs -0 $(BIN)/codespell

.PHONY: lint-delivery
lint-delivery:
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema custom.github-workflows-require-timeout .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	@$(BIN)/zizmor --offline --no-progress --quiet .github

.PHONY: up
up: setup ## Start API, dashboard, MLflow and Dagster together; Ctrl-C stops them
	@$(BIN)/rossmann up

.PHONY: dagster
dagster: setup ## Open the Dagster UI on 127.0.0.1:3000
	@$(BIN)/rossmann up dagster

.PHONY: mlflow
mlflow: setup ## Open the MLflow UI on 127.0.0.1:5000
	@mkdir -p .state/mlflow
	@$(BIN)/mlflow server --host 127.0.0.1 --port 5000 --workers 1 \
		--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$$PWD/.state/mlflow/mlflow.db}"

.PHONY: setup-server
setup-server: ## Create .venv as in containers: with PostgreSQL, object storage and DVC
	@requirements/install.sh server

.PHONY: repro
repro: setup-server ## Run the stages of dvc.yaml that a change concerns, in a warehouse of their own
	@DVC_SITE_CACHE_DIR=$$PWD/.state/dvc $(BIN)/dvc repro

.PHONY: check-delivery
check-delivery: setup-dev lint-delivery ## Check Dockerfile, compose file, workflows and deploy scripts
	@$(BIN)/python -m pytest -q tests/component/project/test_delivery_files.py tests/component/project/test_deploy_scripts.py -n 0

.PHONY: hooks
hooks: setup-dev ## Run the checks of `make lint` before every commit
	@$(BIN)/pre-commit install

.PHONY: bench
bench: setup ## Measure speed compared with named peers (benchmarks/README.md)
	@$(BIN)/python -m benchmarks.features
	@$(BIN)/python -m benchmarks.models
	@$(BIN)/python -m benchmarks.api

.PHONY: docs
docs: setup-dev ## Build the documentation site into .state/site
	@mkdir -p .state/dbt-docs
	@cd dbt_project && export DBT_TARGET_PATH="$$PWD/../.state/dbt-docs" DBT_LOG_PATH="$$PWD/../.state/dbt-docs" \
		ROSSMANN_DATABASE="$$PWD/../.state/dbt-docs/none.duckdb" && ../$(BIN)/dbt --quiet parse --no-partial-parse \
		&& ../$(BIN)/dbt --quiet docs generate --static --no-compile --empty-catalog
	@warehouse="$$PWD/warehouse"; [ -z "$$ROSSMANN_WAREHOUSE_DIR" ] || warehouse=$$(realpath "$$ROSSMANN_WAREHOUSE_DIR"); \
		[ ! -e "$$warehouse/published/CURRENT" ] || { mkdir -p .state/notebooks && ROSSMANN_WAREHOUSE_DIR="$$warehouse" \
		$(BIN)/jupyter-execute notebooks/*.ipynb '--output=../.state/notebooks/{notebook_name}'; }
	@NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "written to .state/site; read it with: $(BIN)/python -m http.server --directory .state/site"

.PHONY: soak
soak: setup-dev ## Kill the weekly job 200 times at random moments, and cause other faults (hours)
	@$(BIN)/python -m pytest tests/faults/soak.py $(SOAK_ARGS)

.PHONY: load
load: setup-dev ## Read API and dashboard with many clients while generations are published; flood the API
	@$(BIN)/python -m pytest tests/faults/load.py tests/faults/flood.py -s $(LOAD_ARGS)

.PHONY: pin-images
pin-images: ## Write the digests of image tags into Dockerfile and compose file (needs Docker, network)
	@python3 deploy/pin_images.py

.PHONY: audit
audit: setup ## Check the locked dependencies for known vulnerabilities (needs the network)
	@$(BIN)/uv venv --quiet --clear .state/audit
	@$(BIN)/uv pip sync --quiet --python .state/audit/bin/python --require-hashes requirements/audit.lock
	@.state/audit/bin/pip-audit --disable-pip --require-hashes --requirement requirements/runtime.lock

.PHONY: lock
lock: setup-dev ## Resolve the dependencies into new locks
	@requirements/lock.sh

.PHONY: clean
clean: ## Remove files of tools; data, warehouse and .venv stay
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache htmlcov
	@find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
