import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stowage.api import yamltext

# What sigs.k8s.io/yaml makes of plain scalars (go.yaml.in/yaml/v2, resolve.go).
SCALARS: dict[str, object] = {
    "yes": True,
    "On": True,
    "y": True,
    "off": False,
    "NO": False,
    "~": None,
    "null": None,
    "nil": "nil",
    "yEs": "yEs",
    "12": 12,
    "+12": 12,
    "-0x1F": -31,
    "010": 8,
    "0o17": 15,
    "08": 8,
    "0b11": 3,
    "1_000": 1000,
    "18446744073709551615": 18446744073709551615,
    "1e3": 1000,
    "1.5": 1.5,
    ".5": 0.5,
    "1.": 1,
    "100m": "100m",
    "1e400": "1e400",
    "0x": "0x",
    "1:30": "1:30",
    "2001-01-01": "2001-01-01",
    "2001-01-01T00:00:00Z": "2001-01-01T00:00:00Z",
    ".inf": math.inf,
    "=": "=",
}


@pytest.mark.parametrize("text", SCALARS, ids=str)
def test_a_plain_scalar_means_what_kubernetes_reads(text: str) -> None:
    (document,) = yamltext.parse(f"a: {text}\n")
    assert document == {"a": SCALARS[text]}
    assert isinstance(document, dict)
    assert type(document["a"]) is type(SCALARS[text])


def test_quoted_scalars_stay_text() -> None:
    assert yamltext.parse("a: '12'\nb: \"yes\"\nc: ! 12\nd: !!str 12\n") == [
        {"a": "12", "b": "yes", "c": "12", "d": "12"}
    ]


def test_keys_are_always_text() -> None:
    assert yamltext.parse("true: 1\n12: 2\n1.5: 3\n") == [{"true": 1, "12": 2, "1.5": 3}]


def test_empty_documents_are_left_out() -> None:
    assert yamltext.parse("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n") == [{"a": 1}, {"b": 2}]
    assert yamltext.parse("") == []


def test_an_alias_stands_for_its_anchor() -> None:
    assert yamltext.parse("a: &x [1, 2]\nb: *x\n") == [{"a": [1, 2], "b": [1, 2]}]


def test_an_explicit_key_goes_before_a_merged_one() -> None:
    (document,) = yamltext.parse("base: &base {a: 1, b: 2}\nown: {a: 3, <<: *base}\n")
    assert document == {"base": {"a": 1, "b": 2}, "own": {"a": 3, "b": 2}}


def test_the_first_of_several_merged_mappings_wins() -> None:
    (document,) = yamltext.parse("[&x {a: 1}, &y {a: 2, b: 2}, {<<: [*x, *y]}]\n")
    assert document == [{"a": 1}, {"a": 2, "b": 2}, {"a": 1, "b": 2}]


def test_json_is_read_with_a_byte_order_mark_and_flow_yaml_too() -> None:
    assert yamltext.parse(b'\xef\xbb\xbf {"a": [1, 2.5, null]}') == [{"a": [1, 2.5, None]}]
    assert yamltext.parse("{a: b}\n") == [{"a": "b"}]
    assert yamltext.parse('{"a": 1}\n---\n{"b": 2}\n') == [{"a": 1}, {"b": 2}]


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BAD: dict[str, tuple[str | bytes, int, str]] = {
    "not-utf8": (b"a: 1\nb: \xff\n", 2, "not UTF-8"),
    "not-utf8-json": (b'{"a": 1,\n "b": "\xff"}', 2, "not UTF-8"),
    "surrogate": ("a: \ud800", 1, "not UTF-8"),
    "control-character": ("a: \x07", 1, "control characters"),
    "duplicate-key": ("a: 1\nb: 2\na: 3\n", 3, "the key 'a' is already set"),
    "python-tag": ("a: !!python/object/apply:os.system [ls]", 1, "is not supported"),
    "local-tag": ("a: !secret x", 1, "is not supported"),
    "wrong-tag": ("a: !!int x", 1, "cannot read 'x' as a !!int"),
    "not-base64": ("a: !!binary '*'", 1, "base64"),
    "deep-blocks": ("".join(f"{' ' * i}a:\n" for i in range(300)), 201, "more than 200 levels"),
    "deep-flow": ("a: " + "[" * 100_000, 1, "more than 200 levels"),
    "deep-json": ('{"a":' * 100_000, 0, "too deeply"),
    "alias-bomb": (BOMB, 5, "more than 100000 values"),
    "alias-to-itself": ("a: &a [*a]", 1, "contains itself"),
    "unknown-alias": ("a: *b", 1, "is not defined"),
    "null-key": ("~: 1", 1, "null cannot be a key"),
    "list-key": ("? [a]\n: 1", 1, "a key must be a scalar"),
    "merge-of-text": ("<<: a\n", 2, "<< needs a mapping"),
    "tab": ("a:\n\t- b\n", 2, "cannot start any token"),
    "truncated-json": ('{"a": [1, 2', 1, "ends too early"),
    "json-with-a-brace-too-many": ('{"a": 1,\n "b": 2}}', 2, "trailing characters"),
    "two-json-texts": ('{"a": 1}\n{"a": 2}', 2, "trailing characters"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_text_is_refused_with_its_place(name: str) -> None:
    text, line, message = BAD[name]
    with pytest.raises(yamltext.YamlError) as caught:
        yamltext.parse(text)
    assert message in caught.value.message
    assert caught.value.line == line


def test_json_read_as_yaml_refuses_duplicate_keys() -> None:
    with pytest.raises(yamltext.YamlError, match="already set"):
        yamltext.parse_yaml('{"a": 1, "a": 2}')


@given(st.text(max_size=60) | st.binary(max_size=60))
def test_any_text_is_read_or_refused_but_never_a_crash(text: str | bytes) -> None:
    try:
        yamltext.parse(text)
    except yamltext.YamlError:
        return


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(),
    lambda each: st.lists(each, max_size=4) | st.dictionaries(st.text(), each, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES))
def test_json_comes_back_as_it_was(value: dict[str, object]) -> None:
    assert yamltext.parse(json.dumps(value, ensure_ascii=False)) == [value]
