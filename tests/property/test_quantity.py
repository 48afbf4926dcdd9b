"""Quantities against decimal arithmetic, for any number and suffix."""

import decimal

from hypothesis import given
from hypothesis import strategies as st

from stowage.api import quantity

SUFFIXES = {
    "": decimal.Decimal(1),
    "n": decimal.Decimal("1e-9"),
    "u": decimal.Decimal("1e-6"),
    "m": decimal.Decimal("1e-3"),
    "k": decimal.Decimal("1e3"),
    "M": decimal.Decimal("1e6"),
    "G": decimal.Decimal("1e9"),
    "Ki": decimal.Decimal(2**10),
    "Mi": decimal.Decimal(2**20),
    "Gi": decimal.Decimal(2**30),
    "e3": decimal.Decimal("1e3"),
    "E-2": decimal.Decimal("1e-2"),
}
NUMBERS = st.builds(
    "{}{}.{}".format,
    st.sampled_from(["", "+", "-"]),
    st.integers(0, 10**6),
    st.text("0123456789", max_size=14),
)


def rounded_up(number: decimal.Decimal) -> int:
    """Away from zero, as Go's quantities round."""
    return int(number.to_integral_value(decimal.ROUND_UP))


@given(NUMBERS, st.sampled_from(sorted(SUFFIXES)))
def test_value_and_milli_value_are_the_number_rounded_up(number: str, suffix: str) -> None:
    with decimal.localcontext(prec=100):
        exact = decimal.Decimal(number) * SUFFIXES[suffix]
        assert quantity.nanos(number + suffix) == rounded_up(exact * 10**9)
        assert quantity.value(number + suffix) == rounded_up(exact)
        assert quantity.milli_value(number + suffix) == rounded_up(exact * 1000)


@given(st.integers(-(10**30), 10**30))
def test_what_is_written_reads_back(amount: int) -> None:
    assert quantity.nanos(quantity.from_nanos(amount)) == amount


@given(st.text("0123456789.eEinumkKMGTP+-", max_size=12))
def test_any_text_is_a_quantity_or_refused(text: str) -> None:
    try:
        amount = quantity.nanos(text)
    except quantity.QuantityError:
        return
    assert quantity.to_value(amount) <= 2**63 - 1
