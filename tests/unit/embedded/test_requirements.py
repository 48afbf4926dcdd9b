import pytest

from stowage.embedded import schema
from stowage.embedded.writing import requirements

RULE = requirements.Rule("spec.items[].inner?", ("a", "b"))


def lacking(rule: requirements.Rule, value: object) -> list[str]:
    return [cause.field for cause in requirements.lacking((rule,), {"spec": value})]


@pytest.mark.parametrize(
    ("value", "missing"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"items": [{}, {"inner": {"a": "x", "b": 1}}]}, [], id="what-is-there-is-whole"),
        pytest.param(
            {"items": [{"inner": {"a": ""}}]},
            ["spec.items[0].inner.a", "spec.items[0].inner.b"],
            id="the-empty-is-missing",
        ),
        pytest.param({"items": [{}, {"inner": {"a": "x"}}]}, ["spec.items[1].inner.b"], id="the-second"),
    ],
)
def test_each_field_of_each_item_is_asked_for(value: object, missing: list[str]) -> None:
    assert lacking(RULE, value) == missing


def test_of_fields_that_stand_for_one_another_one_is_enough() -> None:
    rule = RULE._replace(either=True)
    assert lacking(rule, {"items": [{"inner": {"b": 1}}]}) == []
    assert lacking(rule, {"items": [{"inner": {}}]}) == ["spec.items[0].inner"]


def test_what_stands_below_an_absent_part_is_missing_too() -> None:
    rule = requirements.Rule("spec.target", ("name",))
    assert lacking(rule, {}) == ["spec.target.name"]


@pytest.mark.parametrize("kind", requirements.KINDS)
def test_every_path_is_one_of_its_kind(kind: str) -> None:
    (found,) = {each.type for each in schema.builtin() if each.kind == kind}
    for rule in requirements.KINDS[kind]:
        struct = schema.types()[found]
        for name in filter(None, rule.parents.split(".")):
            field = struct.fields[name.rstrip("[]?")]
            assert (field.kind == "list") == name.endswith("[]"), rule
            inner = field.item if field.item else field
            struct = schema.types()[inner.struct]
        assert set(rule.fields) <= struct.fields.keys(), rule
