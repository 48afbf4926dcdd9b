"""Collections kept in sync: what is news, also after what nobody saw."""

import asyncio
from typing import Any

from stowage.kube import informer, resources, watch
from tests.unit.kube import fakes
from tests.unit.kube.test_watch import GONE, HOLD, Server, event, listed, pod

PODS = watch.Source(resources.PODS)


class Reader:
    """Runs an informer and reads its news, each as a line."""

    def __init__(self, source: informer.Informer) -> None:
        self.informer = source
        self.last: informer.News | None = None

    async def take(self, count: int) -> list[str]:
        """The next news of one run."""
        run = asyncio.create_task(self.informer.run())
        try:
            async with asyncio.timeout(10):
                return [await self._line() for _ in range(count)]
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)

    async def _line(self) -> str:
        self.last = await self.informer.news.get()
        return f"{self.last.what.name} {self.last.head.uid}".strip()


async def test_news_in_the_order_of_the_collection() -> None:
    server = Server(
        [listed(pod("a", 1), version=9)],
        [
            [
                event("ADDED", pod("b", 10)),
                event("MODIFIED", pod("a", 11)),
                event("DELETED", pod("a", 12, spec={"nodeName": "last"})),
                HOLD,
            ]
        ],
    )
    async with fakes.client_of(server) as client:
        reader = Reader(informer.Informer(client, [PODS]))
        assert await reader.take(5) == [
            *("ADDED uid-a", "LISTED", "ADDED uid-b", "CHANGED uid-a", "REMOVED uid-a"),
        ]
    assert reader.last is not None
    assert reader.last.object.spec.node_name == "last"


async def test_a_relist_says_what_has_gone_meanwhile() -> None:
    server = Server(
        [
            listed(pod("a", 1), pod("b", 2), pod("c", 3), version=9),
            listed(
                pod("a", 1),
                pod("d", 4),
                {**pod("c", 5), "metadata": {**pod("c", 5)["metadata"], "uid": "new"}},
                version=20,
            ),
        ],
        [fakes.status(410), [HOLD]],
    )
    async with fakes.client_of(server) as client:
        reader = Reader(informer.Informer(client, [PODS]))
        await reader.take(4)
        server.lists = server.lists[-1:]
        server.watches = [[HOLD]]
        # c has been deleted and made anew under its name; b is gone, its last state unknown.
        assert await reader.take(6) == [
            *("CHANGED uid-a", "ADDED uid-d", "REMOVED uid-c", "ADDED new", "REMOVED uid-b", "LISTED"),
        ]


async def test_a_list_that_broke_off_does_not_hide_what_has_gone() -> None:
    server = Server(
        [
            listed(pod("a", 1), pod("b", 2), version=9),
            listed(pod("b", 2), version=20, more="next"),
            fakes.status(410),  # the pages are forgotten, and b with them
            listed(pod("a", 1), version=30),
        ],
        [fakes.status(410), [HOLD]],
    )
    async with fakes.client_of(server) as client:
        reader = Reader(informer.Informer(client, [PODS]))
        assert await reader.take(7) == [
            *("ADDED uid-a", "ADDED uid-b", "LISTED"),
            *("CHANGED uid-b", "CHANGED uid-a", "REMOVED uid-b", "LISTED"),
        ]
    assert reader.informer.counts["pods"].lists == 3


async def test_what_no_longer_decodes_is_not_gone() -> None:
    broken = pod("a", 5, spec=[])
    server = Server(
        [listed(pod("a", 1), version=9), listed(broken, version=20)],
        [
            [
                event("MODIFIED", broken),
                event("ADDED", pod("x", 6, spec=[])),
                event("ERROR", GONE),
            ],
            [HOLD],
        ],
    )
    async with fakes.client_of(server) as client:
        reader = Reader(informer.Informer(client, [PODS]))
        assert await reader.take(3) == ["ADDED uid-a", "LISTED", "LISTED"]


async def test_a_kind_that_is_missing_does_not_keep_the_others_waiting() -> None:
    async def handle(request: Any) -> Any:
        return fakes.status(404) if request.path.endswith("nodes") else await server(request)

    server = Server([listed(pod("a", 1), version=9)], [[HOLD]])
    async with fakes.client_of(handle) as client:
        reader = Reader(informer.Informer(client, [PODS, watch.Source(resources.NODES)]))
        assert sorted(await reader.take(3)) == ["ADDED uid-a", "LISTED", "REFUSED"]


async def test_a_consumer_that_is_slow_holds_the_watch_back() -> None:
    server = Server([listed(*(pod(f"p{number}", number) for number in range(50)), version=99)], [[HOLD]])
    async with fakes.client_of(server) as client:
        source = informer.Informer(client, [PODS], limit=10)
        run = asyncio.create_task(source.run())
        async with asyncio.timeout(10):
            while not source.news.full():
                await asyncio.sleep(0)
            await fakes.settled()
            assert source.news.qsize() == 10
            names = [(await source.news.get()).head.name for _ in range(50)]
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    assert names == [f"p{number}" for number in range(50)]
