"""The control plane of tests/reference: where its programs come from."""

from pathlib import Path

import pytest

from tests import control_plane, reference_bin

pytestmark = [pytest.mark.reference, pytest.mark.slow]


def test_programs_that_are_there_already_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = {
        "etcd": reference_bin.require("server"),
        "kube-apiserver": reference_bin.require("kube-apiserver"),
    }
    for name, program in built.items():
        script = tmp_path / name
        script.write_text(f'#!/bin/sh\n: >"{tmp_path}/{name} ran"\nexec "{program}" "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    monkeypatch.setenv("REFERENCE_BIN", str(tmp_path / "nothing"))
    assert reference_bin.find("kube-apiserver") == tmp_path / "kube-apiserver"
    assert reference_bin.find("answer") is None
    (folder := tmp_path / "plane").mkdir()
    with control_plane.running(folder):  # returns once both are ready
        pass
    assert {each.name for each in tmp_path.glob("* ran")} == {"etcd ran", "kube-apiserver ran"}
