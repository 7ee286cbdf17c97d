# Steward's verbs. `make help` lists them.
.DEFAULT_GOAL := help
.PHONY: help setup run test check fix bench bench-retrieval bench-citations token person mails clean
PYTHON := .venv/bin/python
# Where it is set, every program that is started would compile its modules anew, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Make .venv complete (the other verbs do it by themselves)
	@dev/bootstrap

run: setup ## Start everything on this machine: http://127.0.0.1:8080 (STEWARD_PORT changes the port)
	@exec $(PYTHON) -m steward_dev.launcher

test: setup ## Run every check and every test
	@exec $(PYTHON) -m steward_dev.checks all

check: setup ## The quick ones: lint, types, imports, spelling, manifests, JavaScript
	@exec $(PYTHON) -m steward_dev.checks quick

fix: setup ## Format and mend what the linters can mend
	@$(PYTHON) -m ruff check --fix --quiet . ; $(PYTHON) -m ruff format --quiet . ; dev/js-check --fix

bench: setup ## Measure time to first token, tokens per second and CPU against the bare model
	@exec $(PYTHON) -m steward_dev.bench

bench-retrieval: setup ## Measure how often a search of the knowledge base finds the right section
	@exec $(PYTHON) -m steward_dev.bench.retrieval

bench-citations: setup ## Measure how often a sentence is rightly said to be supported by what it cites
	@exec $(PYTHON) -m steward_dev.bench.citations

token: setup ## Print a bearer token for the running Steward's API
	@exec $(PYTHON) -m steward_dev.launcher token

person: setup ## Add somebody: make person EMAIL=grace@example.org NAME="Grace Hopper" ROLE=support
	@exec $(PYTHON) -m steward_dev.launcher add-person --email "$(EMAIL)" --name "$(NAME)" --role "$(ROLE)"

mails: setup ## Print the latest mails about accounts, as long as no mail server is set
	@exec $(PYTHON) -m steward_dev.launcher mails

clean: ## Remove what was installed and built; var/ with its data stays
	rm -rf .venv node_modules tests/mcp_dbquery/clients/node_modules tests/mcp_dbquery/clients/.venv .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
