"""Quantities against a table that the Go library wrote (tests/reference/quantities)."""

import json
import pathlib

import pytest

from stowage.api import quantity

TABLE = pathlib.Path(__file__).parents[2] / "data" / "quantities.jsonl"
ROWS: list[tuple[str, int | None, int | None]] = [
    tuple(json.loads(line)) for line in TABLE.read_text(encoding="utf-8").splitlines()
]
LARGEST = 2**63 - 1


def test_the_table_is_large_and_has_both_kinds_of_rows() -> None:
    assert len(ROWS) > 600
    assert 30 < sum(value is None for _, value, _ in ROWS) < 200


def test_every_text_the_go_library_takes_has_its_value_and_milli_value() -> None:
    wrong = []
    for text, value, milli in ROWS:
        if value is None or milli is None:
            continue
        exact = quantity.nanos(text)
        # Where Go's int64 arithmetic overflows it answers 0 or wraps around; we saturate.
        if -(-exact // quantity.NANO) > LARGEST:
            value = LARGEST
        if -(-exact // quantity.MICRO) > LARGEST:
            milli = LARGEST
        if (quantity.value(text), quantity.milli_value(text)) != (value, milli):
            wrong.append((text, quantity.value(text), quantity.milli_value(text), value, milli))
    assert wrong == []


def test_every_text_the_go_library_refuses_is_refused() -> None:
    taken = []
    for text, value, _ in ROWS:
        if value is None:
            try:
                taken.append((text, quantity.nanos(text)))
            except quantity.QuantityError:
                continue
    assert taken == []


@pytest.mark.parametrize(
    ("written", "value", "milli"),
    [
        pytest.param(2, 2, 2000, id="whole number"),
        pytest.param(1.5, 2, 1500, id="fraction"),
        pytest.param(0.1, 1, 100, id="fraction that binary cannot hold"),
        pytest.param(1e3, 1000, 1000000, id="exponent"),
        pytest.param(1e-12, 1, 1, id="smaller than nano"),
        pytest.param(-1.5, -2, -1500, id="negative rounds away from zero"),
        pytest.param(10**30, LARGEST, LARGEST, id="beyond int64"),
    ],
)
def test_json_numbers_are_quantities(written: int | float, value: int, milli: int) -> None:
    assert (quantity.value(written), quantity.milli_value(written)) == (value, milli)


@pytest.mark.parametrize("written", [float("inf"), float("-inf"), float("nan")], ids=str)
def test_a_number_that_is_not_finite_is_refused(written: float) -> None:
    with pytest.raises(quantity.QuantityError, match="not a finite number"):
        quantity.nanos(written)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("lots", "is not a number", id="word"),
        pytest.param("1Zi", "is not a number", id="letters of no suffix"),
        pytest.param("1Kim", "unknown suffix 'Kim'", id="two suffixes"),
        pytest.param("1e99999999999999999999", "unknown suffix", id="endless exponent"),
        pytest.param("Ei", "has no number", id="suffix alone"),
        pytest.param("9" * 2000, "2000 characters long", id="endless digits"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(quantity.QuantityError, match=message):
        quantity.nanos(text)


def test_a_huge_exponent_saturates_without_a_huge_number() -> None:
    assert quantity.value("1e2000000000") == LARGEST
    assert quantity.nanos("1e2000000000") < 10**50
    assert quantity.value("1e-2000000000") == 1


def test_sums_are_exact_and_rounded_once() -> None:
    # 100n three times is 300n, which rounds up to one milli-unit; rounding first would give three.
    total = 3 * quantity.nanos("100n")
    assert quantity.to_milli_value(total) == 1
    assert quantity.to_value(total) == 1


@pytest.mark.parametrize(
    ("amount", "text"),
    [(5 * 10**9, "5"), (1_500_000_000, "1500m"), (1, "1n"), (0, "0")],
    ids=["units", "milli", "nano", "zero"],
)
def test_an_amount_is_written_in_the_largest_exact_unit(amount: int, text: str) -> None:
    assert quantity.from_nanos(amount) == text
    assert quantity.nanos(text) == amount
