"""The live stream: what is new since a number, once, and from where a browser left."""

import asyncio
from typing import Any

from starlette import requests

from stowage.web import live


class State:
    """Numbers, of which a reader gets those it lacks."""

    def __init__(self) -> None:
        self.version = 1

    def changes(self, since: int) -> live.Step:
        new = list(range(since + 1, self.version + 1))
        return live.Step(self.version, [("numbers", new)] if new else [])


def asked(last: str = "") -> requests.Request:
    headers = [(b"last-event-id", last.encode())] if last else []
    return requests.Request({"type": "http", "headers": headers})


async def events(stream: Any, count: int) -> list[str]:
    """The next pieces of a stream, the first line about coming back left out."""
    found = []
    async for piece in stream:
        if not piece.startswith(b"retry"):
            found.append(piece.decode())
        if len(found) == count:
            return found
    return found


async def test_a_stream_begins_with_everything_and_goes_on_with_what_is_new() -> None:
    state = State()
    stream = live.Live(state.changes)
    reading = stream.stream(0)
    (first,) = await events(reading, 1)
    assert "event: numbers\ndata: [1]\n" in first
    assert first.endswith("\n\n")
    state.version = 3
    stream.wake()
    (second,) = await events(reading, 1)
    assert "data: [2,3]\n" in second
    await reading.aclose()  # type: ignore[attr-defined]


async def test_a_browser_that_comes_back_gets_what_it_lacks() -> None:
    state = State()
    state.version = 5
    stream = live.Live(state.changes)
    whole = await stream.endpoint(asked())
    (first,) = await events(whole.body_iterator, 1)  # type: ignore[attr-defined]
    number = first.split("id: ")[1].split("\n")[0]
    state.version = 7
    later = await stream.endpoint(asked(number))
    (second,) = await events(later.body_iterator, 1)  # type: ignore[attr-defined]
    assert "data: [6,7]\n" in second


async def test_the_number_of_another_process_brings_everything() -> None:
    state = State()
    state.version = 2
    answer = await live.Live(state.changes).endpoint(asked("00000000.1"))
    (first,) = await events(answer.body_iterator, 1)  # type: ignore[attr-defined]
    assert "data: [1,2]\n" in first


async def test_a_stream_ends_when_the_server_does() -> None:
    state = State()
    stream = live.Live(state.changes)
    reading = asyncio.create_task(events(stream.stream(1), 9))
    while not stream._waiting:
        await asyncio.sleep(0)
    stream.stop()
    assert await reading == []
    assert not stream._waiting
