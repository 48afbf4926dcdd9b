"""Held to the real kube-scheduler: what it said of the cases of tests/data/configs, as recorded there."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from stowage.framework import config
from tests import reference_bin
from tests.reference import record_configs

FOLDER = Path(__file__).parents[2] / "data" / "configs"
CASES: dict[str, str] = yaml.safe_load((FOLDER / "cases.yaml").read_text(encoding="utf-8"))
ANSWERS: dict[str, dict[str, Any]] = json.loads((FOLDER / "answers.json").read_text(encoding="utf-8"))

# Read all the same, even if strict: v1beta2 and v1beta3.
READ_ANYWAY = {"old-version"}

# What kube-scheduler says, and what we say instead: a value it cannot print, a path it cuts short.
OTHER_WORDS = {
    'args.bindingTimeout: Invalid value: "500ms"': 'args.bindingTimeout: Invalid value: "0.5s"',
    "schedulerName: Duplicate value: {}": 'schedulerName: Duplicate value: "a"',
    'when .defaultConstraints are not empty"': 'when .defaultConstraints are not empty"',
    "IgnoredDuringExecution[1].match": "IgnoredDuringExecution[1].preference.match",
    "Invalid value: null": "Invalid value: []",
    '[{"Utilization":0,"Score":10}]': '[{"utilization": 0, "score": 10}]',
}
# Said by us alone: kube-scheduler takes any text for a policy.
OUR_OWN = {"constraints-invalid": "nodeAffinityPolicy: Unsupported value"}
# Said in other words altogether; the field is the same.
SAME_FIELD = {
    "removed-plugin-at-filter",
    "removed-plugin-in-pluginconfig",
    "queuesort-written-differently",
    "constraints-without-type",
    "example-production-scheduler",
    "example-realtime-scheduler",
    "example-web-frontend-scheduler",
    "example-default-scheduler-in-full",
}


def ours(name: str) -> list[str]:
    """Our errors, strictly; none where we read it."""
    try:
        config.load(CASES[name], strict=True)
    except config.ConfigError as error:
        return [str(each) for each in error.errors]
    return []


@pytest.mark.parametrize("name", CASES)
def test_what_kubernetes_refuses_strict_refuses_and_nothing_else(name: str) -> None:
    refused = bool(ANSWERS[name].get("errors")) and name not in READ_ANYWAY
    assert bool(ours(name)) == refused, ANSWERS[name].get("errors")


@pytest.mark.parametrize("name", [name for name in CASES if "plugins" in ANSWERS[name]])
def test_the_plugins_run_in_kubernetes_order_with_its_weights(name: str) -> None:
    loaded = config.load(CASES[name], strict=True)
    found = {
        profile.scheduler_name: {
            point: [list(plugin) for plugin in plugins] for point, plugins in profile.plugins.items()
        }
        for profile in loaded.config.profiles
    }
    assert found == ANSWERS[name]["plugins"]


FIELD = re.compile(r"[a-z]\w*(\[\d+\])?(\.[\w\[\]-]+)*: (Invalid|Required|Duplicate|Unsupported|Forbidden)")


WITH_FIELDS = [
    name
    for name in CASES
    if not name.startswith("random-") and FIELD.match((ANSWERS[name].get("errors") or [""])[0])
]


@pytest.mark.parametrize("name", WITH_FIELDS)
def test_field_errors_have_kubernetes_paths_and_texts(name: str) -> None:
    expected = []
    for text in ANSWERS[name]["errors"]:
        for theirs, instead in OTHER_WORDS.items():
            text = text.replace(theirs, instead)
        expected.append(text)
    found = [text for text in ours(name) if OUR_OWN.get(name, "nothing") not in text]
    if name in SAME_FIELD:
        fields = {text.split(": ")[0].removesuffix(".name") for text in found}
        assert fields >= {text.split(": ")[0] for text in expected}
    else:
        assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("name", [name for name in CASES if "initializing plugin" in str(ANSWERS[name])])
def test_faults_a_plugin_finds_itself_have_its_texts(name: str) -> None:
    (theirs,) = ANSWERS[name]["errors"]
    for text in ours(name):
        assert text.partition(".args.")[2] in theirs


@pytest.mark.reference
def test_the_answers_are_what_the_real_one_says_today() -> None:
    program = reference_bin.require("configcheck")
    answers = record_configs.ask(str(program), CASES)
    for name, answer in answers.items():
        # Go maps have no order, and neither have the errors found over one.
        assert sorted(answer.get("errors", [])) == sorted(ANSWERS[name].get("errors", [])), name
        assert answer.get("plugins") == ANSWERS[name].get("plugins"), name
