#!/usr/bin/env bash
# Installs Debian's Chromium and its driver, for the tests of the pages. Run by `make browser`.
# Needs root, and says so; exits 1 where it cannot.
set -euo pipefail

packages=(chromium chromium-driver)
say() { printf 'browser: %s\n' "$*"; }

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
  say "already there: $(chromedriver --version | cut -d ' ' -f 1,2)"
  exit
fi
if ! command -v apt-get >/dev/null; then
  say "this machine has no apt; install Chromium and chromedriver, or the tests of the pages are skipped" >&2
  exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
  say "run as root: apt-get install ${packages[*]}; without them the tests of the pages are skipped" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install --quiet --quiet --yes --no-install-recommends "${packages[@]}" >/dev/null; }
if ! install 2>/dev/null; then
  say "fetching Debian's package lists"
  apt-get --quiet --quiet update
  install
fi
say "installed: $(chromedriver --version | cut -d ' ' -f 1,2)"
