"""What is said of a field that is wrong, and the formats of names and numbers.

Makers of causes with apimachinery's texts (`util/validation/field`), and a function for each format that
gives what is wrong with a text, nothing for a good one (`util/validation`, `api/validate/content`).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

import msgspec

from stowage.api import names
from stowage.embedded import errors

Cause = errors.Cause

NOT_NEGATIVE: Final = "must be greater than or equal to 0"
POSITIVE: Final = "must be greater than zero"
_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PART: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_ALNUM: Final = "must start and end with an alphanumeric character"
_BAD_PART: Final = (
    f"must consist of alphanumeric characters, '-', '_' or '.', and {_ALNUM}"
    f" (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_PART}')"
)
_BAD_VALUE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and"
    f" {_ALNUM} (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '({_PART})?')"
)
_BAD_LABEL: Final = (
    f"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and {_ALNUM}"
    f" (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_BAD_SUBDOMAIN: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and"
    f" {_ALNUM} (e.g. 'example.com', regex used for validation is '{_LABEL}(\\.{_LABEL})*')"
)
_BAD_PERCENT: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex"
    " used for validation is '[0-9]+%')"
)
_PERCENT: Final = re.compile("[0-9]+%", re.ASCII)
_PORT_NAME: Final = (
    (re.compile(".{0,15}"), "must be no more than 15 characters"),
    (
        re.compile("[-a-z0-9]+"),
        "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
    ),
    (re.compile(".*[a-z].*"), "must contain at least one letter (a-z)"),
    (re.compile("(?!.*--).*"), "must not contain consecutive hyphens"),
    (re.compile("(?!-).*(?<!-)"), "must not begin or end with a hyphen"),
)


def invalid(path: str, value: Any, why: str) -> Cause:
    return Cause(path, f"Invalid value: {_shown(value)}" + (f": {why}" if why else ""))


def required(path: str, why: str = "") -> Cause:
    return Cause(path, f"Required value: {why}" if why else "Required value", "FieldValueRequired")


def forbidden(path: str, why: str) -> Cause:
    return Cause(path, f"Forbidden: {why}", "FieldValueForbidden")


def duplicate(path: str, value: Any) -> Cause:
    return Cause(path, f"Duplicate value: {_shown(value)}", "FieldValueDuplicate")


def not_found(path: str, value: str, why: str = "") -> Cause:
    message = f"Not found: {_shown(value)}" + (f": {why}" if why else "")
    return Cause(path, message, "FieldValueNotFound")


def unsupported(path: str, value: Any, supported: Iterable[str]) -> Cause:
    listed = ", ".join(map(_shown, supported))
    return Cause(
        path, f"Unsupported value: {_shown(value)}: supported values: {listed}", "FieldValueNotSupported"
    )


def each(path: str, value: Any, wrong: Iterable[str]) -> Iterator[Cause]:
    """A cause for each thing wrong with a value."""
    return (invalid(path, value, why) for why in wrong)


def one_of(path: str, value: Any, supported: Collection[str]) -> Iterator[Cause]:
    """Of a field that may have only some values; `supported` are in the order in which they are told."""
    if value not in supported:
        yield unsupported(path, value, supported)


def not_negative(path: str, value: int | None) -> Iterator[Cause]:
    if value is not None and value < 0:
        yield invalid(path, value, NOT_NEGATIVE)


def weight(path: str, value: int) -> Iterator[Cause]:
    if not 1 <= value <= 100:
        yield invalid(path, value, "must be in the range 1-100")


def port(path: str, value: int) -> Iterator[Cause]:
    if not 1 <= value <= 65535:
        yield invalid(path, value, "must be between 1 and 65535, inclusive")


def share(path: str, value: int | str) -> Iterator[Cause]:
    """Of a number that may be a percentage: of nothing below 0 and not more than all."""
    if isinstance(value, int):
        yield from not_negative(path, value)
    elif not _PERCENT.fullmatch(value):
        yield invalid(path, value, _BAD_PERCENT)
    elif int(value[:-1]) > 100:
        yield invalid(path, value, "must not be greater than 100%")


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()


@functools.lru_cache(maxsize=1 << 14)
def label_key(text: str) -> tuple[str, ...]:
    """What is wrong with the key of a label, or another qualified name."""
    if names.is_qualified(text) and text.count("/") <= 1:
        return ()
    prefix, slash, name = text.rpartition("/")
    if "/" in prefix:
        return (
            f"a valid label key {_BAD_PART} with an optional DNS subdomain prefix and '/'"
            " (e.g. 'example.com/MyName')",
        )
    wrong = []
    if slash and not prefix:
        wrong.append("prefix part must be non-empty")
    elif slash:
        wrong += [f"prefix part {why}" for why in dns_subdomain(prefix)]
    if not name:
        wrong.append("name part must be non-empty")
    elif len(name) > 63:
        wrong.append("name part must be no more than 63 bytes")
    if not re.fullmatch(_PART, name):
        wrong.append(f"name part {_BAD_PART}")
    return tuple(wrong)


@functools.lru_cache(maxsize=1 << 14)
def label_value(text: str) -> tuple[str, ...]:
    if names.is_label_value(text):
        return ()
    long = ("must be no more than 63 bytes",) if len(text) > 63 else ()
    return long if re.fullmatch(_PART, text) else (*long, _BAD_VALUE)


@functools.lru_cache(maxsize=1 << 14)
def dns_label(text: str) -> tuple[str, ...]:
    if names.is_dns_label(text):
        return ()
    long = ("must be no more than 63 characters",) if len(text) > 63 else ()
    if re.fullmatch(_LABEL, text):
        return long
    return (*long, "must not contain dots" if re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", text) else _BAD_LABEL)


@functools.lru_cache(maxsize=1 << 14)
def dns_subdomain(text: str) -> tuple[str, ...]:
    if names.is_dns_subdomain(text):
        return ()
    long = ("must be no more than 253 characters",) if len(text) > 253 else ()
    return long if re.fullmatch(rf"{_LABEL}(\.{_LABEL})*", text) else (*long, _BAD_SUBDOMAIN)


@functools.lru_cache(maxsize=1 << 12)
def port_name(text: str) -> tuple[str, ...]:
    return tuple(why for shape, why in _PORT_NAME if not shape.fullmatch(text))
