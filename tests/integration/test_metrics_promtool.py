"""Prometheus' own tool about what is told and about the rules that read it."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import make_node, make_pod
from tests.unit.scheduler.test_driver import Scheduler, Server, world

PROMTOOL = (
    Path(os.environ.get("PROMETHEUS_DIR") or Path.home() / ".cache/stowage/prometheus") / "usr/bin/promtool"
)
RULES = Path(__file__).parents[2] / "deploy/monitoring/recording-rules.yaml"


def promtool(*arguments: str, told: bytes | None = None) -> None:
    if not PROMTOOL.exists():
        pytest.skip("promtool is not there: run `make prometheus`")
    done = subprocess.run([PROMTOOL, *arguments], input=told, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done


async def busy() -> Scheduler:
    """One pod was bound, one fits nowhere."""
    async with world(Server()) as scheduler:
        scheduler.tell(make_node("n").allocatable(cpu="1"), make_pod("a").cpu("1"), make_pod("b").cpu("2"))
        await scheduler.attempt()
        await scheduler.attempt()
    return scheduler


async def test_what_is_told_is_as_prometheus_wants_it() -> None:
    counted = (await busy()).driver.metrics
    promtool("check", "metrics", told=counted.exposition()[0])
    promtool("check", "metrics", told=counted.resources())


def test_the_recording_rules_are_valid() -> None:
    promtool("check", "rules", str(RULES))


async def test_the_recording_rules_read_what_is_told() -> None:
    text = (await busy()).driver.metrics.exposition()[0].decode()
    names = {re.split(r"[ {]", line)[0] for line in text.splitlines() if not line.startswith("#")}
    rules: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    read = {name for rule in rules for name in re.findall(r"scheduler_\w+", rule["expr"])}
    assert read <= names
    assert not {rule["record"] for rule in rules} & names
