"""What the project says of itself in several places is the same in all of them."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def declared_version() -> str:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert isinstance(version, str)
    return version


def test_the_changelogs_newest_release_is_the_projects_version() -> None:
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert newest is not None
    assert newest[1] == declared_version()


def test_the_installed_distribution_has_the_projects_version() -> None:
    assert importlib.metadata.version("stowage-scheduler") == declared_version()


def test_the_locks_name_no_registry() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.txt")):
        assert "://" not in lock.read_text(), lock.name


def test_every_locked_requirement_of_the_package_is_locked_alike_for_development() -> None:
    runtime, dev = (
        set(re.findall(r"^[a-z][^ ]*==[^ ]+", (ROOT / "requirements" / name).read_text(), re.MULTILINE))
        for name in ("runtime.txt", "dev.txt")
    )

    assert runtime
    assert runtime <= dev


def test_every_target_that_make_help_lists_is_phony() -> None:
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))

    assert {"run", "setup", "test"} <= listed
    assert listed == set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.MULTILINE))
