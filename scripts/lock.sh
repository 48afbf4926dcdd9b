#!/usr/bin/env bash
# Writes requirements/*.txt, the locks with hashes, from pyproject.toml. What is locked stays as it is
# where it still fits; `scripts/lock.sh --upgrade` takes the newest of everything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

lock() { # FILE ARGUMENTS…
  local file=requirements/$1; shift
  echo "locking $file"
  .venv/bin/python -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
    "$@" --output-file "$file"
}

.venv/bin/python -m pip install --quiet 'uv>=0.6'
lock runtime.txt pyproject.toml "$@"
lock dev.txt pyproject.toml --group dev --constraint requirements/runtime.txt "$@"
lock build.txt --group build --constraint requirements/dev.txt "$@"
lock go.txt --group go "$@"
