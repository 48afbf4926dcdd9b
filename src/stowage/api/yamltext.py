"""YAML or JSON text from anybody, as plain Python objects.

Decides what a scalar means (as Kubernetes reads YAML: version 1.1 with `yes`, `no`, `on` and
`off` as booleans, `010` octal, timestamps left as text, keys always text) and how much of a
document is too much. It refuses tags beyond YAML's own, duplicate keys, nesting and alias
expansion beyond a limit; every refusal is a `YamlError` with its place. It does not read files.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import msgspec
import yaml

MAX_DEPTH: Final = 200
"""Levels of nesting. Kubernetes objects need some 30; schemas in CRDs, the deepest, rarely 60."""

MAX_ALIAS_EXPANSION: Final = 100_000
"""Values that aliases may stand for in one text. Hand-written anchors stay below a thousand."""

_JSON_ONLY_BYTES: Final = 4 << 20
"""Above this, text that begins like JSON and is not is reported at once: YAML reads 1 MB a second."""

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final[dict[str, object]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER: Final = 400
"""Digits of the longest finite float, and some; a longer scalar is text."""


class YamlError(ValueError):
    """Text that cannot be read. `line` and `column` count from 1; 0 where the place is unknown."""

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        self.message = message
        self.line = line
        self.column = column
        super().__init__(f"line {line}, column {column}: {message}" if line else message)


def parse(
    text: str | bytes, *, max_depth: int = MAX_DEPTH, max_alias_expansion: int = MAX_ALIAS_EXPANSION
) -> list[object]:
    """The documents of `text`: JSON (one document, quick) or YAML (any number; empty ones left out).

    In JSON the last of duplicate keys counts, as in Go; nesting is limited to Python's own
    recursion limit (1000) there. Values that an anchor names are shared: treat all as read-only.
    """
    data = _bytes(text)
    start = data[:4096].lstrip()[:1]
    if start not in (b"{", b"["):
        return parse_yaml(data, max_depth=max_depth, max_alias_expansion=max_alias_expansion)
    try:
        if (
            len(data) > _JSON_ONLY_BYTES
        ):  # is it JSON at all? Asked first: what is decoded takes ten times the room
            msgspec.json.decode(data, type=msgspec.Raw)
        return [msgspec.json.decode(data)]
    except RecursionError:
        raise YamlError("nested too deeply") from None
    except ValueError as error:
        _check_utf8(data)
        json_error = _json_error(data, error)
    if len(data) > _JSON_ONLY_BYTES:
        raise json_error
    try:
        return parse_yaml(data, max_depth=max_depth, max_alias_expansion=max_alias_expansion)
    except YamlError:
        if re.match(rb'\s*(?:\{\s*["}]|\[\s*[{\["])', data):
            raise json_error from None
        raise


def parse_yaml(
    text: str | bytes, *, max_depth: int = MAX_DEPTH, max_alias_expansion: int = MAX_ALIAS_EXPANSION
) -> list[object]:
    """The documents of `text` read as YAML, of which JSON is a part: duplicate keys are refused there too."""
    data = _bytes(text)
    _check_utf8(data)
    loader = _Loader(data)
    try:
        return list(_Builder(loader, max_depth, max_alias_expansion).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = ", ".join(part for part in (error.context, error.problem) if part)
        raise YamlError(message, *((mark.line + 1, mark.column + 1) if mark else (0, 0))) from None
    except yaml.reader.ReaderError as error:
        line, column = _place(data, max(error.position, 0))
        raise YamlError(str(error.reason), line, column) from None
    except yaml.YAMLError as error:
        raise YamlError(str(error)) from None
    finally:
        loader.dispose()


def scalar(text: str) -> object:
    """What a plain (unquoted, untagged) scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    digits = text if text[0] == "." else text.replace("_", "")
    match = _INTEGER.fullmatch(digits)
    if match is not None and match.lastgroup is not None:
        value = int(match["sign"] + match[match.lastgroup], _BASES[match.lastgroup])
        if -(1 << 63) <= value < 1 << 64:
            return value
    if _FLOAT.fullmatch(digits) is None:
        return text
    number = float(digits)
    if math.isinf(number):  # beyond float64: Go's parser refuses the number, so text it stays
        return text
    # Kubernetes passes YAML through JSON, where 1e3 is written 1000.
    return int(number) if number.is_integer() and abs(number) < 1e21 else number


def _bytes(text: str | bytes) -> bytes:
    data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else bytes(text)
    return data.removeprefix(b"\xef\xbb\xbf")


def _check_utf8(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlError("not UTF-8 text", *_place(data, error.start)) from None


def _place(data: bytes, offset: int) -> tuple[int, int]:
    line_start = data.rfind(b"\n", 0, offset) + 1
    return data.count(b"\n", 0, offset) + 1, offset - line_start + 1


def _json_error(data: bytes, error: Exception) -> YamlError:
    found = re.search(r" \(byte (\d+)\)$", str(error))
    if found is None:
        offset, message = len(data), "the JSON text ends too early"
        if "truncated" not in str(error):
            offset, message = 0, str(error)
    else:
        offset, message = int(found[1]), str(error)[: found.start()]
    return YamlError(message, *_place(data, offset))


class _Open:
    """A value that is still being built."""


class _Frame:
    """A mapping or sequence under construction."""

    __slots__ = ("anchor", "key", "keyed", "merges", "start", "value")

    def __init__(self, value: dict[str, object] | list[object], anchor: str | None, start: int) -> None:
        self.value = value
        self.anchor = anchor
        self.start = start  # the count of values when this one began
        self.keyed = False
        self.key: str | None = None  # None while keyed: the merge key
        self.merges: list[object] = []


class _Builder:
    """Objects from parser events, without recursion."""

    def __init__(self, loader: Any, max_depth: int, max_alias_expansion: int) -> None:
        self._loader = loader
        self._max_depth = max_depth
        self._max_expansion = max_alias_expansion
        self._expanded = 0
        self._count = 0
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[object, int]] = {}
        self._plain: dict[str, object] = {}

    def documents(self) -> Iterator[object]:
        root: list[object] = []
        while True:
            event = self._loader.get_event()
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event, root)
            elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                self._open(event, {} if kind is yaml.MappingStartEvent else [])
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._close(event, root)
            elif kind is yaml.AliasEvent:
                self._alias(event, root)
            elif kind is yaml.DocumentStartEvent:
                self._anchors.clear()
                root = []
            elif kind is yaml.DocumentEndEvent:
                if root[0] is not None:
                    yield root[0]
            elif kind is yaml.StreamEndEvent:
                return

    def _scalar(self, event: Any, root: list[object]) -> None:
        self._count += 1
        if event.implicit[0] and event.tag is None:
            text = event.value
            if self._expects_key() and text == "<<":
                self._frames[-1].keyed = True
                return
            value = self._plain.get(text, _Open)
            if value is _Open:
                value = scalar(text)
                if len(self._plain) < 4096:
                    self._plain[text] = value
        elif event.tag is None or event.tag == "!":
            value = event.value
        else:
            value = self._tagged(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        self._add(value, event, root)

    def _tagged(self, event: Any) -> object:
        tag, text = event.tag.removeprefix(_TAG), event.value
        if tag == "str" or tag == "timestamp":
            return text
        value = scalar(text)
        if tag == "int" and isinstance(value, int) and not isinstance(value, bool):
            return value
        if tag == "float" and isinstance(value, int | float) and not isinstance(value, bool):
            return value
        if (tag == "bool" and isinstance(value, bool)) or (tag == "null" and value is None):
            return value
        if tag == "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode("utf-8")
            except (binascii.Error, UnicodeDecodeError):
                self._refuse(event, "!!binary is not base64 of UTF-8 text")
        if tag in ("int", "float", "bool", "null"):
            self._refuse(event, f"cannot read {text[:80]!r} as a !!{tag}")
        self._refuse(event, f"the tag {event.tag[:80]!r} is not supported")

    def _open(self, event: Any, value: dict[str, object] | list[object]) -> None:
        if event.tag is not None and event.tag not in ("!", _TAG + ("map" if type(value) is dict else "seq")):
            self._refuse(event, f"the tag {event.tag[:80]!r} is not supported")
        if self._expects_key():
            self._refuse(event, "a key must be a scalar")
        if len(self._frames) >= self._max_depth:
            self._refuse(event, f"nested more than {self._max_depth} levels deep")
        if event.anchor is not None:
            self._anchors[event.anchor] = (_Open, 0)
        self._frames.append(_Frame(value, event.anchor, self._count))
        self._count += 1

    def _close(self, event: Any, root: list[object]) -> None:
        frame = self._frames.pop()
        if isinstance(frame.value, dict):
            for merged in frame.merges:
                for source in merged if isinstance(merged, list) else (merged,):
                    if not isinstance(source, dict):
                        self._refuse(event, "<< needs a mapping or a sequence of mappings")
                    for key, value in source.items():
                        frame.value.setdefault(key, value)
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.value, self._count - frame.start)
        self._add(frame.value, event, root)

    def _alias(self, event: Any, root: list[object]) -> None:
        value, size = self._anchors.get(event.anchor, (None, 0))
        if size == 0:
            what = "contains itself" if value is _Open else "is not defined"
            self._refuse(event, f"the alias {event.anchor[:80]!r} {what}")
        self._count += size
        self._expanded += size
        if self._expanded > self._max_expansion:
            self._refuse(event, f"the aliases stand for more than {self._max_expansion} values")
        self._add(value, event, root)

    def _expects_key(self) -> bool:
        return bool(self._frames) and isinstance(self._frames[-1].value, dict) and not self._frames[-1].keyed

    def _add(self, value: object, event: Any, root: list[object]) -> None:
        if not self._frames:
            root.append(value)
            return
        frame = self._frames[-1]
        if isinstance(frame.value, list):
            frame.value.append(value)
        elif not frame.keyed:
            key = value if type(value) is str else self._key(value, event)
            if key in frame.value:
                self._refuse(event, f"the key {key[:80]!r} is already set")
            frame.keyed, frame.key = True, key
        else:
            if frame.key is None:
                frame.merges.append(value)
            else:
                frame.value[frame.key] = value
            frame.keyed, frame.key = False, None

    def _key(self, value: object, event: Any) -> str:
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        self._refuse(event, "null cannot be a key" if value is None else "a key must be a scalar")

    def _refuse(self, event: Any, message: str) -> NoReturn:
        mark = event.start_mark
        raise YamlError(message, mark.line + 1, mark.column + 1)
