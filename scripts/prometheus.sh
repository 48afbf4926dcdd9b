#!/usr/bin/env bash
# Unpacks Debian's prometheus into $PROMETHEUS_DIR, for the test in which it scrapes. Installs nothing and
# needs no root: where the machine has no package lists, they are fetched into the same folder.
# Run by `make prometheus`. Exits 1 where there is no apt.
set -euo pipefail

dir=${PROMETHEUS_DIR:-$HOME/.cache/stowage/prometheus}
program=$dir/usr/bin/prometheus
say() { printf 'prometheus: %s\n' "$*"; }

if [ -x "$program" ]; then
  say "already there, in $dir"
  exit
fi
if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
  say "this machine has no apt; the test that scrapes with Prometheus will be skipped" >&2
  exit 1
fi
mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
cd "$dir/apt"

download() { # OPTIONS…
  apt-get --quiet --quiet "$@" -o APT::Sandbox::User=root download prometheus
}
own=(-o Dir::State::Lists="$dir/apt/lists" -o Dir::Cache="$dir/apt/cache" -o APT::Sandbox::User=root)
rm -f prometheus_*.deb
if ! download 2>/dev/null; then
  say "fetching Debian's package lists"
  apt-get --quiet --quiet "${own[@]}" update
  download "${own[@]}"
fi
dpkg-deb -x prometheus_*.deb "$dir"
rm -rf "$dir/apt"
say "unpacked, in $dir: $("$program" --version 2>&1 | head -n 1)"
