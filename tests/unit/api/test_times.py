"""Times as numbers."""

import pytest

from stowage.api import times


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        pytest.param("1970-01-01T00:00:00Z", 0, id="epoch"),
        pytest.param("1970-01-01T00:00:01.000002Z", 1_000_002, id="microseconds"),
        pytest.param("1970-01-01T00:00:00.5Z", 500_000, id="one digit"),
        pytest.param("1970-01-01T00:00:00.123456789Z", 123_456, id="nanoseconds are cut off"),
        pytest.param("1970-01-01T02:00:00+02:00", 0, id="offset"),
        pytest.param("1969-12-31T23:59:59Z", -1_000_000, id="before"),
        pytest.param("2026-11-22T03:04:05Z", 1_795_316_645_000_000, id="now"),
    ],
)
def test_a_time_is_microseconds_since_1970(text: str, micros: int) -> None:
    assert times.micros(text) == micros


@pytest.mark.parametrize("text", ["", "today", "2026-11-22", "2026-11-22T03:04:05", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        times.micros(text)
