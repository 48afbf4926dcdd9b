"""What the project says of itself in several places is the same in all of them."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

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


def locked(name: str) -> set[str]:
    return set(re.findall(r"^[a-z][^ ]*==[^ ]+", (ROOT / "requirements" / name).read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["runtime.txt", "build.txt"])
def test_every_locked_requirement_of_the_package_is_locked_alike_for_development(name: str) -> None:
    assert locked(name)
    assert locked(name) <= locked("dev.txt")


def test_what_builds_the_package_is_locked_for_the_image() -> None:
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(build) <= {each.partition("==")[0] for each in locked("build.txt")}


def test_what_the_image_copies_is_there_and_not_left_out() -> None:
    lines = (ROOT / ".containerignore").read_text().split()
    assert lines[0] == "*"  # all but:
    kept = {line.removeprefix("!") for line in lines if line.startswith("!")}
    steps = re.findall(r"^COPY (?!--from)(.+)$", (ROOT / "deploy/Containerfile").read_text(), re.MULTILINE)
    copied = {source for step in steps for source in step.split()[:-1]}

    assert "requirements/runtime.txt" in copied
    assert [source for source in copied if not (ROOT / source).exists()] == []
    assert copied == kept


def test_the_image_installs_by_hash_or_what_it_built() -> None:
    text = (ROOT / "deploy/Containerfile").read_text().replace("\\\n", "")
    installs = re.findall(r"pip (?:install|wheel) [^&\n]+", text)

    assert len(installs) == 4
    for each in installs:
        options = set(each.split())
        assert "--require-hashes" in options or options & {"--no-index", "--no-build-isolation"}, each


def test_every_target_that_make_help_lists_is_phony() -> None:
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))

    assert {"run", "setup", "test"} <= listed
    assert listed == set(re.findall(r"^\.PHONY: ([a-z-]+)$", makefile, re.MULTILINE))
