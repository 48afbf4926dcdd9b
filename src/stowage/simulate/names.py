"""Names and namespaces as an API server gives them to objects that come without."""

from __future__ import annotations

import zlib

import msgspec

from stowage.api import objects

ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Letters and digits of generated names (apimachinery's util/rand)."""
DEFAULT_NAMESPACE = "default"
_CLUSTER_SCOPED: frozenset[type] = objects.CLUSTER_SCOPED

_replace = msgspec.structs.replace


def placed(item: objects.Object, number: int) -> objects.Object:
    """The object with the namespace it lands in, and with a name where it asks for one.

    ``number``, of the object in the input, makes generated names differ.
    """
    meta = item.metadata
    namespace = "" if type(item) in _CLUSTER_SCOPED else meta.namespace or DEFAULT_NAMESPACE
    if namespace != meta.namespace:
        meta = _replace(meta, namespace=namespace)
    if not meta.name and meta.generate_name:
        meta = _replace(meta, name=meta.generate_name + suffix(f"{meta.generate_name}{number}".encode()))
    return item if meta is item.metadata else _replace(item, metadata=meta)


def suffix(seed: bytes, length: int = 5) -> str:
    """A generated name's ending, always the same for the same seed."""
    number = zlib.crc32(seed)
    out = ""
    for _ in range(length):
        number, digit = divmod(number, len(ALPHABET))
        out += ALPHABET[digit]
    return out


def numbered(prefix: str, taken: set[str], start: int = 0) -> str:
    """`prefix` with a generated ending that no name in ``taken`` has; the name is added there."""
    attempt = start
    while (name := f"{prefix}{suffix(f'{prefix}{attempt}'.encode())}") in taken:
        attempt += 1
    taken.add(name)
    return name


def safe_hash(data: bytes) -> str:
    """A hash as Deployments put into names: digits of a 32-bit FNV-1a in the safe alphabet."""
    value = 2166136261
    for byte in data:
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return "".join(ALPHABET[int(digit)] for digit in str(value))
