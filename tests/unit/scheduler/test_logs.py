"""Log lines, and how much is logged."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from stowage.scheduler import logs

NAMES = ("stowage", "stowage.scheduler.driver", "stowage.kube.leases", "stowage.kube.watch")


@pytest.fixture(autouse=True)
def _levels() -> Iterator[None]:
    kept = {name: logging.getLogger(name).level for name in NAMES}
    yield
    logs.set_modules("")
    for name, level in kept.items():
        logging.getLogger(name).setLevel(level)


def shown() -> dict[str, int]:
    """Each module's verbosity."""
    levels = {name: logging.getLogger(name).getEffectiveLevel() for name in NAMES[1:]}
    return {name.rpartition(".")[2]: logging.INFO - level for name, level in levels.items()}


def line(**fields: object) -> dict[str, object]:
    record = logging.makeLogRecord({"name": "stowage.x", "msg": "Pod bound", "levelname": "INFO", **fields})
    found: dict[str, object] = json.loads(logs.Lines().format(record))
    return found


def test_a_line_is_json_with_fields_of_its_own() -> None:
    found = line(levelno=logging.INFO, pod="a/b")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(found.pop("ts")))
    assert found == {"level": "info", "logger": "stowage.x", "msg": "Pod bound", "pod": "a/b"}


def test_a_verbosity_is_told_as_klog_tells_it() -> None:
    found = line(levelno=logs.V2, levelname="Level 18")
    assert (found["level"], found["v"]) == ("info", 2)
    assert "v" not in line(levelno=logging.ERROR)


def test_what_looks_like_a_credential_is_struck_out() -> None:
    found = line(levelno=logging.ERROR, error='refused "Bearer abc.def" and eyJhbGciOiJSUzI1NiJ9.e30.c2ln')
    assert found["error"] == 'refused "Bearer [redacted]" and [redacted]'
    found = line(levelno=logging.ERROR, error='Post "http://u:p@a.example:80/x?y=u@z": no')
    assert found["error"] == 'Post "http://[redacted]@a.example:80/x?y=u@z": no'


def test_the_verbosity_holds_for_all_modules() -> None:
    assert logs.set_verbosity("3") == "successfully set klog.logging.verbosity to 3"
    assert shown() == {"driver": 3, "leases": 3, "watch": 3}
    assert logging.getLogger(NAMES[1]).isEnabledFor(logs.V3)
    assert not logging.getLogger(NAMES[1]).isEnabledFor(logs.V4)
    logs.set_verbosity("99")  # more than everything is everything
    assert shown()["driver"] == 10


def test_patterns_name_modules_and_the_first_counts() -> None:
    logs.set_verbosity("0")
    assert logs.set_modules("dri*=4,stowage.kube.*=2,leases=9") == (
        "successfully set klog.logging.vmodule to dri*=4,stowage.kube.*=2,leases=9"
    )
    assert shown() == {"driver": 4, "leases": 2, "watch": 2}
    logs.set_modules("")
    assert shown() == {"driver": 0, "leases": 0, "watch": 0}


@pytest.mark.parametrize("text", ["abc", "", "-1", "1.5", "٣"], ids=repr)
def test_a_verbosity_is_a_number(text: str) -> None:
    with pytest.raises(logs.FlagError) as caught:
        logs.set_verbosity(text)
    assert str(caught.value) == f'strconv.ParseUint: parsing "{text}": invalid syntax'


@pytest.mark.parametrize("text", ["driver", "=3", "driver=x", "driver=-1"], ids=repr)
def test_a_pattern_has_a_number(text: str) -> None:
    logs.set_verbosity("0")
    with pytest.raises(logs.FlagError, match="expect comma-separated list"):
        logs.set_modules(f"watch=2,{text}")
    assert shown()["watch"] == 0  # all or nothing
