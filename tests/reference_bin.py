"""Where the programs of tests/reference are, once `make reference` has built them."""

import os
from pathlib import Path

import pytest

MISSING = "the real kube-scheduler is not built: run `make reference`"

ASSETS = ("etcd", "kube-apiserver")
"""What a folder $KUBEBUILDER_ASSETS has for us; all else is of the release that `make reference` builds."""


def folder() -> Path:
    """The folder `make reference` builds into: $REFERENCE_BIN, or its default."""
    return Path(os.environ.get("REFERENCE_BIN") or Path.home() / ".cache/stowage/reference/v1.36.2")


def find(name: str) -> Path | None:
    """The program `name` (`answer`, `bench`, `kube-scheduler`, …), or None where it is not built.

    Of the control plane's, what is in $KUBEBUILDER_ASSETS comes first, as in `reference/controlplane`.
    """
    places = [folder()]
    if name in ASSETS and (assets := os.environ.get("KUBEBUILDER_ASSETS")):
        places.insert(0, Path(assets))
    return next((place / name for place in places if os.access(place / name, os.X_OK)), None)


def require(name: str) -> Path:
    """The program `name`; skips the test that asks where it is not built."""
    program = find(name)
    if program is None:
        pytest.skip(MISSING)
    return program
