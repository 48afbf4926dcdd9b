"""Reports in files: whole or not at all."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import TextIO

import pytest
import yaml

from stowage.simulate import output, problems


def test_a_file_that_was_begun_and_not_finished_leaves_no_trace(tmp_path: Path) -> None:
    target = tmp_path / "report"
    target.write_text("before")

    def interrupted(file: TextIO) -> None:
        file.write("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        output.write(str(target), interrupted)
    assert target.read_text() == "before"
    assert os.listdir(tmp_path) == ["report"]


def test_a_file_keeps_its_permissions_and_a_link_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "report", tmp_path / "link"
    target.write_text("before")
    target.chmod(0o640)
    link.symlink_to(target)
    output.write(str(link), lambda file: output.to_json({"a": 1}, file))
    assert link.is_symlink()
    assert target.read_text() == '{\n  "a": 1\n}\n'
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_new_file_is_as_readable_as_others(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("")
    output.write(str(tmp_path / "report"), lambda file: None)
    assert (tmp_path / "report").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_device_is_written_to(tmp_path: Path) -> None:
    output.write("/dev/null", lambda file: output.to_json([], file))
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@pytest.mark.parametrize(
    ("name", "told"),
    [("none/report", "there is no directory"), ("", "is a directory")],
    ids=["no folder", "folder"],
)
def test_where_nothing_can_be_written_is_told_before_the_work(tmp_path: Path, name: str, told: str) -> None:
    with pytest.raises(problems.BadInput, match=told):
        output.check(str(tmp_path / name))


def test_yaml_says_twice_what_appears_twice() -> None:
    shared = ["x"]
    out = io.StringIO()
    output.to_yaml({"b": shared, "a": shared}, out)
    assert out.getvalue() == "b:\n- x\na:\n- x\n"
    assert yaml.safe_load(out.getvalue()) == {"a": ["x"], "b": ["x"]}
