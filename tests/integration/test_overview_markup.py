"""Nothing that a cluster says becomes markup: names, labels and messages no API server would let through."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stowage.api import objects
from stowage.kube import informer, resources, watch
from stowage.serving import server
from stowage.tools.overview import app, views
from stowage.tools.overview import picture as pictures
from stowage.web import live
from tests.integration import browser

pytestmark = pytest.mark.slow

# Without a slash, which would be a longer path in an address.
EVIL = "<img src=x onerror=window.hit=1><script>window.hit=1<script>\"'&amp;<style>"


def evil_picture() -> pictures.Picture:
    """A picture in which every text is markup."""
    picture = pictures.Picture(EVIL, "shadow")
    label = {views.ZONE: EVIL, EVIL: EVIL}
    taint = {"key": EVIL, "value": EVIL, "effect": "NoSchedule"}
    node = {
        "metadata": {"name": EVIL, "labels": label, "creationTimestamp": EVIL},
        "spec": {"taints": [taint]},
        "status": {"conditions": [{"type": EVIL, "status": "True"}]},
    }
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": EVIL}
    items: list[tuple[Any, Any]] = [(resources.NODES, msgspec.convert(node, objects.Node))]
    for uid, where in (("1", ""), ("2", EVIL)):
        pod = {
            "metadata": {"name": EVIL + uid, "namespace": EVIL, "uid": uid},
            "spec": {"nodeName": where, "schedulerName": EVIL},
            "status": {"conditions": [condition], "nominatedNodeName": EVIL},
        }
        items.append((resources.PODS, msgspec.convert(pod, objects.Pod)))
    for kind, item in items:
        head = watch.Head(item.metadata.namespace, item.metadata.name, item.metadata.uid)
        picture.apply(informer.News(informer.What.ADDED, kind, head, item))
    about = {"pod": {"namespace": EVIL, "name": EVIL + "2", "uid": "2"}, "time": EVIL, "evaluated": 1}
    chosen = {"node": EVIL, "score": 1, "why": {EVIL: 1}, "runnerUp": {"node": EVIL, "score": 0}, "margin": 1}
    other = {"node": EVIL + EVIL, "ties": 2, "score": 2, "refused": EVIL}
    picture.decided(about | chosen | {"result": "scheduled", "agrees": False, "ours": other})
    picture.decided(about | {"result": EVIL, "message": EVIL, "preempted": [EVIL], "nominatedNode": EVIL})
    picture.link("api", pictures.Link(False, EVIL))
    picture.queue({"active": 1, "backoff": 1, "unschedulable": 1, "gated": 1})
    picture.agreement(2, 1)
    return picture


@pytest.fixture
def address() -> Iterator[str]:
    """Where that picture is shown, out of a thread."""
    listening = server.listen("127.0.0.1", 0)
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        stream = live.Live(evil_picture().changes)
        picture = evil_picture()
        async with server.serving(app.application(picture, stream), listening, None, stream.stop):
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    yield f"http://localhost:{listening.getsockname()[1]}/"
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_what_a_cluster_says_stays_text(address: str, tmp_path: Path) -> None:
    shown = "document.body.innerText.split('<img src=x onerror=window.hit=1>').length"
    with browser.chromium(tmp_path / "profile") as page:
        page.open(address)
        page.until(f"{shown} > 10")
        for opened in ("#decisions .link", "#pending .link", ".cell"):
            page.run("document.querySelector(arguments[0]).click()", opened)
            page.until("document.querySelector('dialog .facts') !== null")
            assert EVIL in page.text("dialog")
            page.run("document.querySelector('dialog .close').click()")
        page.run("document.querySelector('.cell').focus()")
        assert EVIL in page.text("#readout")
        # The page's own picture is the only one, and no script came in or ran.
        assert page.run("return [...document.images].map((each) => each.getAttribute('src'))") == ["mark.svg"]
        assert page.run("return document.querySelectorAll('body script').length") == 0
        assert page.run("return window.hit") is None
        assert page.errors() == []
