"""Quantities as apimachinery's `resource.Quantity` holds them, with its rounding and its overflows.

A quantity is `unscaled * 10**scale`. Small ones live in an int64 (`big` false), where a conversion that
overflows gives 0; the others in a decimal of any size, where it wraps around.
"""

import functools
import re
from typing import Any, NamedTuple

MAX_INT64 = 2**63 - 1
NANO = -9
MILLI = -3

_FORM = re.compile(r"([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def fits_int64(number: int) -> bool:
    return -MAX_INT64 - 1 <= number <= MAX_INT64


def wrap_int64(number: int) -> int:
    """The lowest 64 bits, signed: what Go's conversions and sums leave."""
    return (number + 2**63) % 2**64 - 2**63


def truncated(numerator: int, denominator: int) -> int:
    """Integer division as in Go: towards zero."""
    quotient = abs(numerator) // abs(denominator)
    return quotient if (numerator < 0) == (denominator < 0) else -quotient


def _away_from_zero(number: int, divisor: int) -> int:
    quotient, rest = divmod(abs(number), divisor)
    quotient += 1 if rest else 0
    return quotient if number >= 0 else -quotient


class Quantity(NamedTuple):
    unscaled: int
    scale: int = 0
    big: bool = False

    def value(self) -> int:
        """In whole units, rounded up."""
        return self._scaled(0)

    def milli_value(self) -> int:
        """In thousandths, rounded up."""
        return self._scaled(MILLI)

    def _scaled(self, scale: int) -> int:
        if not self.big:
            if self.scale < scale:
                return _away_from_zero(self.unscaled, 10 ** (scale - self.scale))
            number = int(self.unscaled * 10 ** (self.scale - scale))
            return number if fits_int64(number) else 0
        shift = scale - self.scale
        if shift <= 0:
            return wrap_int64(wrap_int64(self.unscaled) * wrap_int64(int(10**-shift)))
        if self.unscaled < MAX_INT64 and shift < 19:
            number = wrap_int64(self.unscaled)
            quotient = truncated(number, int(10**shift))
            return quotient + (1 if number - quotient * int(10**shift) else 0)
        quotient, rest = divmod(self.unscaled, 10**shift)
        return wrap_int64(wrap_int64(quotient) + (1 if rest else 0))

    def plus(self, other: "Quantity") -> "Quantity":
        if not self.big and not other.big:
            if other.unscaled == 0:
                return self
            if self.unscaled == 0:
                return other
        scale = min(self.scale, other.scale)
        mine = self.unscaled * 10 ** (self.scale - scale)
        theirs = other.unscaled * 10 ** (other.scale - scale)
        total = mine + theirs
        small = fits_int64(mine) and fits_int64(theirs) and fits_int64(total)
        return Quantity(total, scale, self.big or other.big or not small)

    def compare(self, other: "Quantity") -> int:
        scale = min(self.scale, other.scale)
        mine = self.unscaled * 10 ** (self.scale - scale)
        theirs = other.unscaled * 10 ** (other.scale - scale)
        return int(mine > theirs) - int(mine < theirs)

    def rounded_up(self, scale: int) -> "Quantity":
        """No finer than `scale`, rounded away from zero."""
        if self.scale >= scale:
            return self
        return Quantity(_away_from_zero(self.unscaled, 10 ** (scale - self.scale)), scale, self.big)


ZERO = Quantity(0)


def parse(text: Any) -> Quantity:
    """A quantity as JSON has it, a string or a bare number. Raises ValueError where it is neither."""
    if text is None:
        return ZERO
    return _parse(str(text).strip())


@functools.lru_cache(maxsize=65536)
def _parse(text: str) -> Quantity:
    form = _FORM.fullmatch(text)
    if text == "" or form is None:
        raise ValueError(f"not a quantity: {text!r}")
    sign = -1 if form[1] == "-" else 1
    whole, fraction, suffix = form[2] or "0", form[3] or "", form[4]
    binary = suffix in _BINARY
    if binary:
        exponent, precision, scale = _BINARY[suffix], -1, 0
        if not fraction:
            precision = 15 - len(whole) - int(exponent * 3 / 10) - 1
    else:
        exponent = _decimal_exponent(suffix)
        precision, scale = 18 - len(whole) - len(fraction), exponent
    factor = 2**exponent if binary else 1
    scale -= len(fraction)
    number = int(whole + fraction)
    if precision >= 0 and scale >= NANO and fits_int64(number * factor):
        return Quantity(sign * number * factor, scale)
    exact = Quantity(number * factor, scale, big=True)
    if exact.scale < NANO and number:
        exact = exact.rounded_up(NANO)
    if binary and exact.compare(Quantity(MAX_INT64)) > 0:
        exact = Quantity(MAX_INT64, 0, big=True)
    return exact._replace(unscaled=sign * exact.unscaled)


def _decimal_exponent(suffix: str) -> int:
    if suffix in _DECIMAL:
        return _DECIMAL[suffix]
    if re.fullmatch(r"[eE][+-]?[0-9]+", suffix):
        return int(suffix[1:])
    raise ValueError(f"not a quantity's suffix: {suffix!r}")
