"""Kubernetes quantities, exactly as apimachinery's `resource.Quantity` reads them.

A quantity is kept as a whole number of nano-units: parsing rounds anything finer up (away from
zero), so no precision is lost after it and sums are exact. `value` and `milli_value` round up once,
at the end, which is why sums are made in nanos and not in the rounded units.

Where Go's arithmetic overflows int64 it answers 0 or wraps around; here the answer saturates.
"""

import functools
import math
import re

from stowage.api.meta import Quantity

NANO = 10**9
"""Nano-units in a unit."""

MICRO = 10**6
"""Nano-units in a milli-unit."""

INT64_MAX = 2**63 - 1
_BINARY_CAP = INT64_MAX * NANO
_LONGEST = 1000  # characters; no sensible quantity comes near, and int() slows with the square
_MOST_DIGITS = 40  # of an amount in nanos: far beyond int64, still a small integer
_MOST = int("1" + "0" * _MOST_DIGITS)

_SHAPE = re.compile(r"([+-]?)([0-9]*)(?:(\.)([0-9]*))?([eEinumkKMGTP]*(?:[+-]?[0-9]*))")
_DECIMAL = {"": 0, "n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


class QuantityError(ValueError):
    """The text is not a quantity; the message says what is wrong, the caller says where."""


def nanos(quantity: Quantity) -> int:
    """Return `quantity` in nano-units; QuantityError where it is none."""
    if isinstance(quantity, str):
        return _parse(quantity)
    if isinstance(quantity, int):
        return quantity * NANO
    if not math.isfinite(quantity):
        raise QuantityError(f"{quantity} is not a finite number")
    return _parse(repr(quantity))


@functools.lru_cache(maxsize=1 << 16)
def value(quantity: Quantity) -> int:
    """Return whole units, rounded up, within int64."""
    return to_value(nanos(quantity))


@functools.lru_cache(maxsize=1 << 16)
def milli_value(quantity: Quantity) -> int:
    """Return thousandths of a unit, rounded up, within int64."""
    return to_milli_value(nanos(quantity))


def to_value(amount: int) -> int:
    """Return nano-units as whole units, rounded up, within int64."""
    return _divide_up(amount, NANO)


def to_milli_value(amount: int) -> int:
    """Return nano-units as milli-units, rounded up, within int64."""
    return _divide_up(amount, MICRO)


def from_nanos(amount: int) -> Quantity:
    """Write nano-units as a quantity, in the largest of units, milli and nano that is exact."""
    if amount % NANO == 0:
        return str(amount // NANO)
    if amount % MICRO == 0:
        return f"{amount // MICRO}m"
    return f"{amount}n"


def _divide_up(amount: int, divisor: int) -> int:
    """Divide away from zero and saturate at int64."""
    if amount < 0:
        return max(amount // divisor, -INT64_MAX - 1)
    return min(-(-amount // divisor), INT64_MAX)


@functools.lru_cache(maxsize=1 << 16)
def _parse(text: str) -> int:
    text = text.strip()
    if not text:
        raise QuantityError("is empty")
    if len(text) > _LONGEST:
        raise QuantityError(f"is {len(text)} characters long")
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise QuantityError(f"{text!r} is not a number with an optional suffix such as m, k, Mi or e3")
    sign, whole, _, fraction, suffix = match.groups()
    whole, fraction = whole.lstrip("0"), fraction or ""
    if suffix in _BINARY:
        amount = _binary(text, whole, fraction, _BINARY[suffix])
    else:
        amount = _decimal(text, whole, fraction, _exponent(text, suffix))
    return -amount if sign == "-" else amount


def _exponent(text: str, suffix: str) -> int:
    """Return the power of ten that a decimal suffix stands for."""
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    if re.fullmatch(r"[eE][+-]?[0-9]+", suffix):
        exponent = int(suffix[1:])
        if -(2**31) <= exponent < 2**31:
            return exponent
    raise QuantityError(f"{text!r} has an unknown suffix {suffix!r}")


def _decimal(text: str, whole: str, fraction: str, exponent: int) -> int:
    digits = whole + fraction
    shift = exponent - len(fraction) + 9  # of the last digit, in nanos
    if shift < 0 or len(whole or "0") + len(fraction) > 18:
        _require_digits(text)
    digits = digits.lstrip("0")
    if not digits:
        return 0
    if len(digits) + shift > _MOST_DIGITS:
        return _MOST
    if shift >= 0:
        return int(digits + "0" * shift)
    kept, dropped = digits[:shift], digits[shift:]
    return int(kept or "0") + (dropped.strip("0") != "")


def _binary(text: str, whole: str, fraction: str, exponent: int) -> int:
    # The quick path of Go's parser forgives a missing number; the other does not.
    if fraction or 15 - len(whole or "0") - exponent * 3 // 10 - 1 < 0:
        _require_digits(text)
    scaled = int(whole + fraction or "0") * NANO << exponent
    divisor = int("1" + "0" * len(fraction))
    return min(-(-scaled // divisor), _BINARY_CAP)


def _require_digits(text: str) -> None:
    if not text.lstrip("+-.")[:1].isdigit():
        raise QuantityError(f"{text!r} has no number")
