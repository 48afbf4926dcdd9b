"""deploy/Containerfile: built, where the machine can, and started as the manifests start it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "deploy" / "Containerfile"


@pytest.mark.slow
def test_the_image_is_built_and_starts_as_the_manifests_start_it(tmp_path: Path) -> None:
    base = re.findall(r"^FROM (\S+)$", FILE.read_text(), re.MULTILINE)[-1]
    if not shutil.which("podman") or _podman("image", "exists", base).returncode:
        pytest.skip(f"no podman here that has {base}")
    pod = yaml.safe_load((ROOT / "deploy/base/deployment.yaml").read_text())["spec"]["template"]["spec"]
    user = f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"

    built = _podman("build", "--layers=false", f"--file={FILE}", f"--iidfile={tmp_path / 'id'}", str(ROOT))
    assert built.returncode == 0, built.stderr
    image = (tmp_path / "id").read_text()
    try:
        settings = json.loads(_podman("image", "inspect", image).stdout)[0]["Config"]
        confined = ["--read-only", "--read-only-tmpfs=false", "--network=none", "--cap-drop=all"]
        asked = ["--entrypoint=python", image, "-v", "-m", "stowage", "scheduler"]
        ran = _podman("run", "--rm", "--security-opt=no-new-privileges", *confined, *asked)
    finally:
        _podman("image", "rm", image)

    assert (settings["User"], settings["Entrypoint"]) == (user, ["stowage"])
    assert "there are no in-cluster credentials" in ran.stderr
    assert "code object from '/opt/stowage/" in ran.stderr  # bytecode that came along,
    assert re.findall(r"code object from (/opt/stowage/.*)", ran.stderr) == []  # and what had to be compiled


def _podman(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["podman", *words], capture_output=True, text=True, check=False)
