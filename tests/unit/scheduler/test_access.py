"""Who asks, and may they: what is asked of the cluster, how often, and what its answers mean."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from stowage.scheduler.https import access
from tests.unit.kube import fakes


class Cluster:
    """Answers reviews: tokens by user name, paths by who may get them."""

    def __init__(self, users: dict[str, list[str]], may: dict[str, str]) -> None:
        self.users = users
        self.may = may
        self.asked: list[Any] = []
        self.fails = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body["spec"])
        if self.fails:
            return fakes.status(self.fails)
        if request.path.endswith("tokenreviews"):
            groups = self.users.get(body["spec"]["token"])
            status: dict[str, Any] = {"authenticated": groups is not None}
            if groups is not None:
                status["user"] = {"username": body["spec"]["token"].title(), "groups": groups, "extra": None}
        else:
            asked = body["spec"]["nonResourceAttributes"]
            allowed = self.may.get(body["spec"]["user"]) == f"{asked['verb']} {asked['path']}"
            status = {"allowed": allowed, "reason": "" if allowed else "rules"}
        return web.json_response({**body, "status": status})


@contextlib.asynccontextmanager
async def asking(
    cluster: Cluster, clock: fakes.Clock | None = None, lifetimes: access.Lifetimes = access.USUAL
) -> AsyncIterator[access.Access]:
    clock = clock or fakes.Clock()
    async with fakes.client_of(cluster.handle, clock=clock, tries=1) as client:
        made = access.Access(client, client, lifetimes=lifetimes, clock=clock)
        yield made
        made.close()


def cluster() -> Cluster:
    return Cluster({"eve": ["staff"], "root": ["system:masters"]}, {"Eve": "get /metrics"})


async def test_a_token_is_somebodys_and_authenticated() -> None:
    async with asking(cluster()) as asked:
        user = await asked.user("Bearer eve")
    assert (user.username, user.groups) == ("Eve", ("staff", "system:authenticated"))


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer  x"], ids=str)
async def test_without_a_token_one_is_anonymous_and_nobody_is_asked(header: str) -> None:
    server = cluster()
    async with asking(server) as asked:
        assert await asked.user(header) == access.ANONYMOUS
    assert server.asked == []


async def test_a_token_of_nobody_is_refused() -> None:
    async with asking(cluster()) as asked:
        with pytest.raises(access.Unauthenticated):
            await asked.user("bearer mallory")


@pytest.mark.parametrize("code", [500, 403, 503], ids=str)
async def test_a_token_that_cannot_be_reviewed_is_refused(code: int) -> None:
    server = cluster()
    server.fails = code
    async with asking(server) as asked:
        with pytest.raises(access.Unauthenticated):
            await asked.user("Bearer eve")


async def test_where_a_cluster_reviews_nothing_all_are_anonymous_and_health_is_open() -> None:
    server = cluster()
    server.fails = 404
    async with asking(server) as asked:
        user = await asked.user("Bearer eve")
        assert user == access.ANONYMOUS
        await asked.allow(user, "get", "/livez")
        with pytest.raises(access.Denied):
            await asked.allow(user, "get", "/metrics")


async def test_a_path_is_allowed_or_denied_with_the_reason() -> None:
    server = cluster()
    async with asking(server) as asked:
        eve = await asked.user("Bearer eve")
        await asked.allow(eve, "get", "/metrics")
        with pytest.raises(access.Denied, match="rules"):
            await asked.allow(eve, "put", "/metrics")
    assert server.asked[1] == {
        "nonResourceAttributes": {"path": "/metrics", "verb": "get"},
        "user": "Eve",
        "uid": "",
        "groups": ["staff", "system:authenticated"],
        "extra": {},
    }


async def test_masters_may_do_everything_unasked() -> None:
    server = cluster()
    async with asking(server) as asked:
        await asked.allow(await asked.user("Bearer root"), "put", "/debug/flags/v")
    assert len(server.asked) == 1


async def test_answers_count_for_ten_seconds() -> None:
    server, clock = cluster(), fakes.Clock()
    async with asking(server, clock) as asked:
        for _ in range(3):
            await asked.allow(await asked.user("Bearer eve"), "get", "/metrics")
        assert len(server.asked) == 2
        clock.time += access.TTL
        await asked.allow(await asked.user("Bearer eve"), "get", "/metrics")
    assert len(server.asked) == 4


async def test_how_long_answers_count_may_be_said_of_each() -> None:
    server, clock = cluster(), fakes.Clock()
    async with asking(server, clock, access.Lifetimes(token=30.0, allowed=20.0, refused=10.0)) as asked:

        async def ask() -> int:
            """How many questions two verbs, one of them allowed, cost."""
            before = len(server.asked)
            eve = await asked.user("Bearer eve")
            await asked.allow(eve, "get", "/metrics")
            with pytest.raises(access.Denied):
                await asked.allow(eve, "put", "/metrics")
            return len(server.asked) - before

        found = [await ask()]
        for _ in range(3):
            clock.time += 10
            found.append(await ask())
    # All; after 10 s the refusal, after 20 s both verdicts, after 30 s the token and the refusal.
    assert found == [3, 1, 2, 2]


async def test_a_question_is_asked_once_however_many_wait_for_it() -> None:
    server = cluster()
    async with asking(server) as asked:
        found = await asyncio.gather(*(asked.user("Bearer eve") for _ in range(10)))
    assert (len(set(map(id, found))), len(server.asked)) == (1, 1)


async def test_tokens_are_not_kept() -> None:
    async with asking(cluster()) as asked:
        await asked.user("Bearer eve")
        assert b"eve" not in repr(asked._users._answers.keys()).encode()


async def test_old_answers_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "KEPT", 2)
    server = cluster()
    async with asking(server) as asked:
        for path in ("/a", "/b", "/c", "/c", "/b", "/a"):
            with pytest.raises(access.Denied):
                await asked.allow(access.ANONYMOUS, "get", path)
    assert [spec["nonResourceAttributes"]["path"] for spec in server.asked] == ["/a", "/b", "/c", "/a"]


async def test_long_questions_are_not_kept() -> None:
    async with asking(cluster()) as asked:
        with pytest.raises(access.Denied):
            await asked.allow(access.ANONYMOUS, "get", "/" + "a" * 100_000)
        assert [len(key) for key in asked._verdicts._answers] == [32]
