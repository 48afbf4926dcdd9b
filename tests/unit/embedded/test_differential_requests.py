"""The random requests of `make differential`: the same for a seed, and of every sort for every kind."""

import itertools

from stowage.embedded import schema
from tests.differential import compare, kinds, requests

NOT_ASKED = {"CustomResourceDefinition"}
"""Whose objects bring kinds of their own."""


def test_a_seed_gives_the_same_steps_each_time() -> None:
    for seed in range(20):
        assert requests.Sequence(seed).steps() == requests.Sequence(seed).steps()
    assert requests.Sequence(1).steps() != requests.Sequence(2).steps()


def test_every_built_in_kind_is_asked_for() -> None:
    served = {
        (each.group_version, each.plural)
        for each in schema.builtin()
        if "create" in each.verbs and each.kind not in NOT_ASKED
    }
    widgets = ("differential.example.com/v1", "widgets")
    assert {(each.group_version, each.plural) for each in kinds.KINDS} - {widgets} == served


def test_every_verb_patch_and_option_comes_up_for_every_kind() -> None:
    for kind in kinds.KINDS:
        made = [requests.Sequence(seed, kind).steps() for seed in range(60)]
        steps = list(itertools.chain.from_iterable(made))
        assert {step.verb for step in steps} == {"GET", "POST", "PUT", "PATCH", "DELETE"}, kind
        media = {step.media for step in steps if step.verb == "PATCH"}
        assert {requests.MERGE, requests.JSON_PATCH, requests.STRATEGIC, requests.APPLY} <= media, kind
        queries = " ".join(step.query for step in steps)
        for option in ("labelSelector", "fieldSelector", "limit", "continue", "dryRun", "force", "resourceV"):
            assert option in queries, (kind, option)
        assert any("preconditions" in str(step.body) for step in steps if step.verb == "DELETE"), kind
        for name in kind.subresources:
            assert any(step.path.endswith(f"/{name}") for step in steps), (kind, name)


def test_what_varies_is_left_out_and_what_differs_is_told_by_its_path() -> None:
    left = {"metadata": {"uid": "1", "labels": {"a": "b"}}, "spec": {"list": [1, 2]}}
    right = {"metadata": {"uid": "2", "labels": {"a": "c"}}, "spec": {"list": [1, 3]}, "more": None}
    told = compare.differences(compare.plain(left), compare.plain(right))
    assert [line.partition(":")[0] for line in told] == [".metadata.labels.a", ".more", ".spec.list[1]"]
