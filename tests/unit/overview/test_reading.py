"""Server-sent events, taken apart."""

from collections.abc import AsyncIterator

import pytest

from stowage.tools.overview import reading


async def parsed(text: str) -> list[reading.Event]:
    async def lines() -> AsyncIterator[bytes]:
        for line in text.encode().splitlines(keepends=True):
            yield line

    return [each async for each in reading.events(lines())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("event: a\ndata: 1\nid: x.1\n\n", [reading.Event("a", "1", "x.1")]),
        (": a comment\n\nevent: a\r\ndata: 1\r\n\r\n", [reading.Event("a", "1", "")]),
        ("data: one\ndata: two\n\n", [reading.Event("", "one\ntwo", "")]),
        ("id: 7\n\ndata:no space\n\n", [reading.Event("", "no space", "7")]),
        ("event: a\n\ndata: 1\n\n", [reading.Event("", "1", "")]),
        ("event: a\ndata: cut off", []),
    ],
    ids=["plain", "comment and CRLF", "two lines", "number stays", "nothing to tell", "cut off"],
)
async def test_a_stream_is_taken_apart(text: str, expected: list[reading.Event]) -> None:
    assert await parsed(text) == expected
