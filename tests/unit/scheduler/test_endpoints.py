"""The endpoints over real TLS: paths, texts and refusals, as kube-scheduler 1.36.2 gives them."""

import asyncio
import contextlib
import ssl
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from stowage.kube import errors
from stowage.scheduler import decisions, logs
from stowage.scheduler.https import access, endpoints
from stowage.serving import certificates, server
from tests.unit.kube import fakes
from tests.unit.scheduler import test_decisions


class Metrics:
    def exposition(self, accept: str) -> tuple[bytes, str]:
        return b"a 1\n", f"text/plain; for={accept}"

    def resources(self) -> bytes:
        return b"b 2\n"


class Reviewed(access.Access):
    """Knows the tokens `eve`, who may get everything, and `root`; anonymous may do nothing."""

    def __init__(self) -> None:
        super().__init__(None, None)
        self.fails = False

    async def user(self, authorization: str) -> access.User:
        token = authorization.removeprefix("Bearer ")
        if token not in ("", "eve", "root"):
            raise access.Unauthenticated
        return (
            access.User(token, groups=("system:masters",) if token == "root" else ()) if token else ANONYMOUS
        )

    async def allow(self, user: access.User, verb: str, path: str) -> None:
        if self.fails:
            raise errors.ServerError(500, "no answer")
        if (user.username, verb) != ("eve", "get"):
            await super().allow(user, verb, path)


ANONYMOUS = access.ANONYMOUS


class Server:
    def __init__(
        self, session: aiohttp.ClientSession, process: Any, reviewed: Reviewed, stop: Callable[[], None]
    ) -> None:
        self.session = session
        self.stop = stop
        self.process = process
        self.reviewed = reviewed

    async def ask(self, path: str, method: str = "GET", token: str = "", **more: Any) -> Any:
        """Status, text and headers of an answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.request(
            method, path, headers={**headers, **more.pop("headers", {})}, **more
        ) as got:
            return types.SimpleNamespace(status=got.status, text=await got.text(), headers=got.headers)

    async def get(self, path: str, token: str = "") -> tuple[int, str]:
        got = await self.ask(path, token=token)
        return got.status, got.text


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    process = types.SimpleNamespace(
        candidate=None, ending=False, synced=True, overdue=float("-inf"), leads=lambda: True
    )
    process.decisions = decisions.Decisions(fakes.Clock())
    reviewed = Reviewed()
    written = {
        "kind": "KubeSchedulerConfiguration",
        "extenders": [{"urlPrefix": "http://user:s3cret@example.com/a"}],
    }
    app = endpoints.Endpoints(process, reviewed, written, Metrics())  # type: ignore[arg-type]
    listening = server.listen("127.0.0.1", 0)
    url = f"https://127.0.0.1:{listening.getsockname()[1]}"
    async with asyncio.timeout(30):
        async with server.serving(
            app, listening, certificates.context(*certificates.self_signed("127.0.0.1")), app.stop
        ):
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            connector = aiohttp.TCPConnector(ssl=trusting)
            async with aiohttp.ClientSession(url, connector=connector) as session:
                yield Server(session, process, reviewed, app.stop)


async def test_health_is_open_and_told_as_the_apiserver_tells_it() -> None:
    async with serving() as served:
        assert await served.get("/livez") == (200, "ok")
        assert await served.get("/livez?verbose") == (200, "[+]ping ok\nlivez check passed\n")
        assert await served.get("/readyz?verbose&exclude=shutdown") == (
            200,
            "[+]shutdown excluded: ok\n[+]sched-handler-sync ok\nreadyz check passed\n",
        )
        served.process.ending = True
        got = await served.ask("/readyz")
        assert (got.status, got.text) == (
            500,
            "[-]shutdown failed: reason withheld\n[+]sched-handler-sync ok\nreadyz check failed\n",
        )
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Cache-Control"] == "no-cache, private"
        assert await served.get("/livez") == (200, "ok")


async def test_what_health_checks_said_is_told_to_who_may_get_it() -> None:
    async with serving() as served:
        assert (await served.get("/metrics/slis"))[0] == 403
        for path in ("/livez", "/readyz?exclude=shutdown", "/livez/ping"):
            await served.get(path, "eve")
        served.process.ending = True
        await served.get("/readyz")
        got = await served.ask("/metrics/slis", token="eve")
    assert got.headers["Content-Type"] == endpoints.METRICS
    assert [line for line in got.text.splitlines() if line.startswith("kubernetes_")] == [
        'kubernetes_healthcheck{name="ping",type="livez"} 1.0',
        'kubernetes_healthcheck{name="sched-handler-sync",type="readyz"} 1.0',
        'kubernetes_healthcheck{name="shutdown",type="readyz"} 0.0',
        'kubernetes_healthchecks_total{name="ping",status="success",type="livez"} 1.0',
        'kubernetes_healthchecks_total{name="sched-handler-sync",status="success",type="readyz"} 2.0',
        'kubernetes_healthchecks_total{name="shutdown",status="error",type="readyz"} 1.0',
    ]


async def test_single_checks_are_for_who_may_get_them() -> None:
    async with serving() as served:
        assert (await served.get("/livez/ping"))[0] == 403
        assert await served.get("/livez/ping", "eve") == (200, "ok")
        served.process.ending = True
        assert await served.get("/readyz/shutdown", "eve") == (
            500,
            "internal server error: process is shutting down\n",
        )


async def test_who_may_not_is_told_so_in_a_status() -> None:
    async with serving() as served:
        got = await served.ask("/configz?x=1")
        assert (got.status, got.headers["Content-Type"]) == (403, "application/json")
        assert got.text == (
            '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"forbidden: User '
            '\\"system:anonymous\\" cannot get path \\"/configz\\"","reason":"Forbidden","details":{},'
            '"code":403}\n'
        )
        got = await served.ask("/livez", token="mallory")
        assert (got.status, got.text) == (
            401,
            '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized",'
            '"reason":"Unauthorized","code":401}\n',
        )
        assert (await served.get("/nowhere"))[0] == 403
        served.reviewed.fails = True
        assert await served.get("/metrics") == (500, 'Internal Server Error: "/metrics": 500: no answer\n')


async def test_metrics_configuration_and_nothing() -> None:
    async with serving() as served:
        got = await served.ask("/metrics", token="eve", headers={"Accept": "x"})
        assert (got.text, got.headers["Content-Type"]) == ("a 1\n", "text/plain; for=x")
        assert await served.get("/metrics/resources", "eve") == (200, "b 2\n")
        served.process.leads = lambda: False
        assert await served.get("/metrics/resources", "eve") == (200, "")
        assert await served.get("/configz", "eve") == (
            200,
            '{"componentconfig":{"kind":"KubeSchedulerConfiguration",'
            '"extenders":[{"urlPrefix":"http://[redacted]@example.com/a"}]}}',
        )
        for path in ("/", "/livez/", "/livez/other", "/metrics/x", "/nowhere"):
            assert await served.get(path, "eve") == (404, "404 page not found\n"), path
        got = await served.ask("/livez", "HEAD")
        assert (got.status, got.text, got.headers["Content-Length"]) == (200, "", "2")


async def test_what_fails_is_told_in_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    async with serving() as served:
        served.process.leads = lambda: 1 / 0
        got = await served.get("/metrics/resources", "eve")
    assert got == (500, 'Internal Server Error: "/metrics/resources": the log says why\n')
    assert [record.message for record in caplog.records] == ["Request failed"]


async def test_the_verbosity_is_put(monkeypatch: pytest.MonkeyPatch) -> None:
    put: list[str] = []

    def take(text: str) -> str:
        if not text.isdecimal():
            raise logs.FlagError("no number")
        put.append(text)
        return f"it is {text}"

    monkeypatch.setattr(logs, "set_verbosity", take)
    async with serving() as served:
        got = await served.ask("/debug/flags/v", "PUT", "root", data="4")
        assert (got.status, got.text, got.headers["Content-Type"]) == (200, "it is 4\n", "text/plain")
        got = await served.ask("/debug/flags/v", "PUT", "root", data="x")
        assert (got.status, got.text) == (400, "no number\n")
        got = await served.ask("/debug/flags/v", "PUT", "root", data="4" * 5000)
        assert got.status == 413
        got = await served.ask("/debug/flags/v", "POST", "root")
        assert (got.status, got.text) == (406, "unsupported http method\n")
        assert (await served.ask("/debug/flags/v", "PUT", "eve", data="4")).status == 403
        assert "<tr>vmodule<br>" in (await served.ask("/debug/flags", token="root")).text
    assert put == ["4"]


async def test_decisions_are_streamed_and_end_with_the_server() -> None:
    async with serving() as served:
        assert (await served.get("/decisions"))[0] == 403
        headers = {"Authorization": "Bearer eve"}
        async with served.session.get("/decisions", headers=headers) as answer:
            assert answer.headers["Content-Type"] == "text/event-stream"
            text = b""
            while b"event: queue" not in text:
                text += await answer.content.readany()
            test_decisions.tell(served.process.decisions, "a")
            while b'"name":"a"' not in text:
                text += await answer.content.readany()
            told = [event for event in test_decisions.events(text) if event["event"] == "decision"]
        test_decisions.tell(served.process.decisions, "b")
        headers["Last-Event-ID"] = told[0]["id"]
        async with served.session.get("/decisions", headers=headers) as answer:
            text = b""
            while b'"name":"b"' not in text:
                text += await answer.content.readany()
            assert b'"name":"a"' not in text
            served.stop()
            await answer.content.read()


async def test_a_reader_that_leaves_is_not_kept() -> None:
    async with serving() as served:
        answer = await served.session.get("/decisions", headers={"Authorization": "Bearer eve"})
        await answer.content.readany()
        assert served.process.decisions._readers
        answer.close()
        while served.process.decisions._readers:
            await asyncio.sleep(0.01)
