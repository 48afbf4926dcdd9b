"""Keeps a picture up to date: follows the API server and the scheduler's decisions.

What breaks is said on the page and tried again; nothing here ends but by being cancelled.
"""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable
from typing import Any, Final

import msgspec

from stowage.kube import client as clients
from stowage.kube import errors, informer, resources, watch
from stowage.tools.overview import picture as pictures

SLICE: Final = 0.02
"""Seconds of news applied until others have a turn."""

PROBE: Final = 2.0
"""Seconds between two looks at whether the API server answers."""

STALL: Final = 10.0
"""Seconds of silence after which the stream of decisions counts as broken; it has something every second."""

AGAIN: Final = 1.0
"""Seconds until a broken stream of decisions is opened again."""

UNENDED: Final = "status.phase!=Succeeded,status.phase!=Failed"
"""Pods that have ended hold nothing, and are not shown."""


async def cluster(client: clients.Client, picture: pictures.Picture, wake: Callable[[], None]) -> None:
    """Follows nodes and pods."""
    sources: list[watch.Source[Any]] = [
        watch.Source(resources.NODES),
        watch.Source(resources.PODS, fields=UNENDED),
    ]
    following = informer.Informer(client, sources)
    async with asyncio.TaskGroup() as group:
        group.create_task(following.run(), name="overview: informers")
        group.create_task(_probe(client, picture), name="overview: API server")
        group.create_task(_pace(picture, wake), name="overview: pace")
        while True:
            picture.apply(await following.news.get())
            until = time.monotonic() + SLICE
            while not following.news.empty() and time.monotonic() < until:
                picture.apply(following.news.get_nowait())
            wake()
            await asyncio.sleep(0)


async def _pace(picture: pictures.Picture, wake: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(1.0)
        picture.tick()
        wake()


async def _probe(client: clients.Client, picture: pictures.Picture) -> None:
    """Asks the API server now and then whether it is there; an answer that refuses is one."""
    while True:
        note = ""
        try:
            await client.request(clients.Call("GET", "/version", tries=1, timeout=5.0))
        except errors.Unauthorized:
            note = "the API server does not know us any more"
        except errors.ServerError as error:
            note = f"the API server fails: {error}"
        except errors.ConnectionLost:
            note = "the API server does not answer"
        except errors.KubeError:
            pass
        picture.link("api", pictures.Link(not note, note))
        await asyncio.sleep(PROBE)


async def decisions(client: clients.Client, picture: pictures.Picture, wake: Callable[[], None]) -> None:
    """Follows the decisions of the scheduler that ``client`` reaches; docs/decisions.md has their form."""
    last = ""
    while True:
        note = "the scheduler closed the stream of its decisions"
        try:
            call = clients.Call("GET", "/decisions", headers={"Last-Event-ID": last} if last else {}, tries=1)
            async with client.stream(call, STALL) as stream:
                picture.link("scheduler", pictures.Link(True))
                async for event in events(stream):
                    last = event.id or last
                    _told(picture, event)
                    wake()
        except errors.ConnectionLost:
            note = "the scheduler does not answer"
        except (errors.KubeError, msgspec.DecodeError, ValueError) as error:
            note = f"the scheduler does not tell its decisions: {error}"
        picture.link("scheduler", pictures.Link(False, note))
        picture.queue({})
        wake()
        await asyncio.sleep(AGAIN)


@dataclasses.dataclass(frozen=True, slots=True)
class Event:
    """One server-sent event."""

    name: str
    data: str
    id: str


async def events(lines: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """Takes a stream of lines apart into events, as the HTML standard says."""
    name = number = ""
    data: list[str] = []
    async for line in lines:
        key, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        match key:
            case "event":
                name = value
            case "data":
                data.append(value)
            case "id":
                number = value
            case "" if not line.strip():
                if data:
                    yield Event(name, "\n".join(data), number)
                name, data = "", []


def _told(picture: pictures.Picture, event: Event) -> None:
    match event.name:
        case "decision":
            picture.decided(msgspec.json.decode(event.data))
        case "queue":
            picture.queue(msgspec.json.decode(event.data))
