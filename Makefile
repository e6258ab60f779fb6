# The one door to everything. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help up down reset test lint fmt types web docs bench-smoke bench vectors faults basemap lock wheel
PREPARE = python="$$(sh tools/find_python.sh)" && "$$python" -m project.up.prepare
VENV = .venv/bin

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

up: ## Install what is missing, start everything with a living demo fleet; Ctrl-C ends it (VOLA_PORT=8000)
	@$(PREPARE) --with web,basemap --port-free && exec $(VENV)/python -m project.up

down: ## Stop a running demo and whatever one left behind
	@$(PREPARE) --quiet && exec $(VENV)/python -m project.up.down

reset: ## Stop it and delete its data: the next `make up` starts from nothing
	@$(PREPARE) --quiet && exec $(VENV)/python -m project.up.down --reset

test: ## Run every test: one pytest over the whole tree
	@$(PREPARE) --with clients,web,basemap && exec $(VENV)/python -m pytest $(ARGS)

lint: ## Check style, import contracts, house rules and the web's sources
	@$(PREPARE) --with npm
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/lint-imports
	$(VENV)/python -m tools.tidy
	$(VENV)/python -m project.up.npm exec -- biome check src tests dev

fmt: ## Format and mend what can be mended
	@$(PREPARE) --with npm
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .
	$(VENV)/python -m project.up.npm run format

types: ## Check types: mypy strict, TypeScript strict
	@$(PREPARE) --with npm
	$(VENV)/mypy
	$(VENV)/python -m project.up.npm exec -- tsc --noEmit

web: ## Build the console's front end
	@$(PREPARE) --with web

basemap: ## Build the offline map
	@$(PREPARE) --with npm,basemap

docs: ## Check the documentation: links, commands, settings, tables
	@$(PREPARE) && exec $(VENV)/python -m pytest project/tests/docs $(ARGS)

bench-smoke: ## Run every benchmark briefly: completes and is sane, no verdict
	@$(PREPARE) && exec $(VENV)/python -m bench smoke

bench: ## Run the benchmarks and append their results to bench/results/
	@$(PREPARE) && exec $(VENV)/python -m bench $(or $(ARGS),all)

vectors: ## Run the tests that check against recorded and published vectors
	@$(PREPARE) && $(VENV)/python -m pytest -k "vector or golden" $(ARGS)
	@[ -z "$(VECTORS)" ] || exec $(VENV)/python tests/vectors/check_ingest.py "$(VECTORS)"

faults: ## Run the tests that kill and restart real processes
	@$(PREPARE) && exec $(VENV)/python -m pytest -m faults $(ARGS)

wheel: ## Build the engine's wheel into dist/ and try it in a clean environment
	@$(PREPARE) && exec $(VENV)/python -m tools.wheel_check

lock: ## Resolve requirements/*.in again into pins with hashes
	@$(PREPARE) && exec $(VENV)/python -m tools.lock
