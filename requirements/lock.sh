#!/bin/sh
# Resolve pyproject.toml into the locks: versions and hashes for Python 3.11 to 3.13, without the
# address of a package index.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-header --no-annotate "$@"
}
compile pyproject.toml --group build --output-file requirements/runtime.lock
compile pyproject.toml --group build --group server --constraint requirements/runtime.lock \
    --output-file requirements/server.lock
compile pyproject.toml --group dev --constraint requirements/server.lock \
    --output-file requirements/dev.lock
# tools that are no dependency of the product: raise their version in the lock itself
for tool in uv:uv audit:pip-audit; do
    lock=requirements/${tool%:*}.lock
    sed -n "s/^\(${tool#*:}==[0-9.]*\).*/\1/p" "$lock" | compile - --output-file "$lock"
done
