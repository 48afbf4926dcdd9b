#!/usr/bin/env bash
# Makes .venv: the locked dependencies, hash by hash, and this package, editable. Run by `make setup`.
# PYTHON names the interpreter (python3); pip's own environment variables are left alone.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
venv=.venv/bin/python
stamp=.venv/.stowage-setup

say() { printf 'setup: %s\n' "$*"; }
die() { say "$@" >&2; exit 1; }

# A .venv that came along with a moved or copied folder still points to the old one.
usable() {
  [ "$(cat "$stamp" 2>/dev/null || pwd -P)" = "$(pwd -P)" ] && [ -x "$venv" ] && "$venv" -c 'import pip' 2>/dev/null
}

if ! usable; then
  command -v "$python" >/dev/null || die "no $python here; install Python 3.11 or newer, or name one: make setup PYTHON=…"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    die "$python is not Python 3.11 or newer; name another: make setup PYTHON=…"
  say "creating .venv with $("$python" --version)"
  "$python" -m venv --clear .venv ||
    die "$python cannot make virtual environments; install its venv module (python3-venv on Debian)"
fi

pip() { "$venv" -m pip --disable-pip-version-check "$@"; }

say "installing $(grep -c '^[a-z].*==' requirements/dev.txt) locked packages (a minute or so the first time)"
pip install --quiet --require-hashes -r requirements/dev.txt
say "installing this package, editable"
pip install --quiet --no-deps --no-build-isolation --editable .
say "ready: $(.venv/bin/python --version), .venv/bin/stowage"
pwd -P >"$stamp"
