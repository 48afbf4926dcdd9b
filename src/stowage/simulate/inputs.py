"""Files to objects: what `kubectl get … -o json` or `-o yaml` writes, and what people write by hand.

Every fault of every file is noted with its file, object and field; the other objects still come.
References between objects are looked at where the objects are put together (`world`).
"""

from __future__ import annotations

import io
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import msgspec

from stowage.api import decode, objects, validate, yamltext
from stowage.simulate import names, problems

MAX_INPUT: Final = 2 << 30
"""Bytes that one input may have unless told otherwise."""
STDIN: Final = "-"
_CHUNK: Final = 1 << 20
_TRAILING: Final = re.compile(r"trailing characters \(byte (\d+)\)")
_UNITS: Final = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}
_SIZE: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


@dataclass(slots=True)
class Loaded:
    """All objects in input order, each with the file it came from."""

    items: list[tuple[str, objects.Object]] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)
    """Kinds that are not read, by how many objects of each there were."""


def size(text: str) -> int:
    """Bytes: `2GiB`, `500M`, `1048576`; units are powers of 1024. ValueError where it is none of them."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 500MiB or 2GiB")
    return int(float(match[1]) * (1 << _UNITS[match[2].lower()]))


def load(sources: Iterable[str], limit: int, faults: problems.Faults) -> Loaded:
    """The objects of all files; `-` is standard input. What is wrong goes to ``faults``."""
    found = Loaded()
    name = ""
    for source in sources:
        name = "standard input" if source == STDIN else source
        data = read(source, limit, faults)
        if data is None:
            continue
        before = len(found.items) + found.unread.total() + len(faults.problems)
        _read_objects(name, data, found, faults)
        del data
        if len(found.items) + found.unread.total() + len(faults.problems) == before:
            faults.warn(f"{name}: holds an empty list")
    if found.unread:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(found.unread.items()))
        if found.items or faults.problems:
            faults.warn(f"passed over objects of kinds that are not read here: {kinds}")
        else:
            faults.unreadable(name, "", f"holds nothing that is read here, only {kinds}")
    return found


# ---------------------------------------------------------------------- bytes


def read(source: str, limit: int, faults: problems.Faults) -> bytes | None:
    """The bytes of a file or standard input; None, with the reason noted, where there are none."""
    name = "standard input" if source == STDIN else source
    try:
        data = _bytes(source, limit)
    except OSError as error:
        faults.unreadable(name, "", f"cannot be read: {error.strerror or error}")
        return None
    if data is None:
        faults.unreadable(name, "", f"is larger than --max-input allows ({limit} bytes)")
        return None
    if not data or data.isspace():
        faults.unreadable(name, "", "is empty")
        return None
    return data


def _bytes(source: str, limit: int) -> bytes | None:
    """All of it, or None where it is longer than ``limit``."""
    if source == STDIN:
        return _bounded(sys.stdin.buffer, limit)
    with open(source, "rb") as file:
        status = os.fstat(file.fileno())
        if stat.S_ISREG(status.st_mode) and status.st_size > limit:
            return None
        return _bounded(file, limit)


def _bounded(file: BinaryIO, limit: int) -> bytes | None:
    out = io.BytesIO()
    while chunk := file.read(_CHUNK):
        out.write(chunk)
        if out.tell() > limit:
            return None
    return out.getvalue()


# -------------------------------------------------------------------- objects


def _read_objects(name: str, data: bytes, found: Loaded, faults: problems.Faults) -> None:
    notes: list[decode.DecodeError] = []
    try:
        for document in documents(data, notes):
            _decode(name, document, found, faults)
    except decode.DecodeError as error:
        place = ": ".join(part for part in (error.identity, error.path) if part)
        faults.unreadable(name, place, error.message)
    except yamltext.YamlError as error:
        faults.unreadable(name, f"line {error.line}" if error.line else "", error.message)
    for note in notes:
        faults.problem(name, note.identity, note.path, note.message)


def documents(data: bytes, notes: list[decode.DecodeError]) -> Iterator[decode.Document]:
    """The objects of a file's bytes: JSON, one object or several after one another; else YAML.

    What is wrong with an item of a List goes to ``notes``. DecodeError, YamlError."""
    rest = data.removeprefix(b"\xef\xbb\xbf")
    if rest[:4096].lstrip()[:1] not in (b"{", b"["):
        yield from _yaml(data, notes)
        return
    while rest and not rest.isspace():
        try:
            msgspec.json.decode(rest, type=msgspec.Raw)
            first, rest = rest, b""
        except (msgspec.DecodeError, RecursionError) as error:
            end = _TRAILING.search(str(error))
            if end is None:
                yield from _broken_json(rest, notes)
                return
            first, rest = rest[: int(end[1]) - 1], rest[int(end[1]) - 1 :]  # the byte counts from 1
            if rest.lstrip()[:1] not in (b"{", b"["):
                yield from _yaml(data, notes)
                return
        yield from decode.documents(first, notes)


def _broken_json(data: bytes, notes: list[decode.DecodeError]) -> Iterator[decode.Document]:
    """What begins like JSON and is not may be YAML in its flow style; if not, says what is wrong."""
    for plain in yamltext.parse(data):
        yield from decode.documents_in(plain, notes)


def _yaml(data: bytes, notes: list[decode.DecodeError]) -> Iterator[decode.Document]:
    plains = yamltext.parse_yaml(data)
    if not plains:
        raise decode.DecodeError("", "", "is empty: there is no document in it")
    for index, plain in enumerate(plains):
        try:
            yield from decode.documents_in(plain, notes)
        except decode.DecodeError as error:
            if len(plains) > 1 and not error.identity:
                error = decode.DecodeError(f"document {index + 1}", error.path, error.message)
            notes.append(error)
        plains[index] = None


def _decode(name: str, document: decode.Document, found: Loaded, faults: problems.Faults) -> None:
    try:
        item = decode.decode(document)
    except decode.UnknownKindError as error:
        if document.api_version:
            found.unread[document.kind] += 1
        else:
            faults.problem(name, error.identity, "apiVersion", "is missing")
        return
    except decode.DecodeError as error:
        faults.problem(name, error.identity, error.path, error.message)
        return
    if not document.api_version:
        faults.problem(name, decode.identify(document), "apiVersion", "is missing")
        return
    item = names.placed(item, len(found.items))
    wrong = validate.problems(item)
    for each in wrong:
        subject = str(validate.identity(item)) if item.metadata.name else decode.identify(document)
        faults.problem(name, subject, each.path, each.message)
    if not wrong:
        found.items.append((name, item))
