"""What every answer of a tool tells a browser."""

import asyncio
from typing import Any

import pytest
from starlette import exceptions, requests, responses, routing

from stowage.web import app


async def thing(request: requests.Request) -> responses.Response:
    if request.query_params:
        raise exceptions.HTTPException(404, "there is no such thing")
    return responses.PlainTextResponse("here")


APPLICATION = app.application([routing.Route("/api/thing", thing)], "stowage.tools.overview")


def get(path: str, host: str = "localhost:8080", method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body."""
    sent: list[Any] = []
    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", host.encode())],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }

    requested = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in requested:
            return message
        return await asyncio.Future()  # the client stays

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(APPLICATION(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], headers, b"".join(each.get("body", b"") for each in sent[1:])


@pytest.mark.parametrize("path", ["/", "/overview.js", "/kit/kit.js", "/api/thing", "/api/thing?no"])
def test_every_answer_forbids_a_page_what_it_does_not_need(path: str) -> None:
    status, headers, _ = get(path)
    assert status in {200, 404}
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:80", "LOCALHOST:1", "[::1]:8080"])
def test_the_page_answers_under_loopback_names(host: str) -> None:
    assert get("/api/thing", host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8080", "127.0.0.1.nip.io", ""])
def test_a_name_that_was_made_to_point_here_is_refused(host: str) -> None:
    status, _, body = get("/api/thing", host)
    assert (status, body) == (400, b"Invalid host header")


def test_an_error_is_a_sentence() -> None:
    status, headers, body = get("/api/thing?no")
    assert (status, headers["content-type"], body) == (
        404,
        "application/json",
        b'{"error":"there is no such thing"}',
    )


@pytest.mark.parametrize("path", ["/../__init__.py", "/kit/../app.py", "/%2e%2e/__init__.py"])
def test_nothing_but_the_pages_is_served(path: str) -> None:
    assert get(path)[0] == 404


def test_nothing_can_be_written() -> None:
    assert get("/api/thing", method="POST")[0] == 405
