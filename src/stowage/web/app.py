"""The application of a tool: its routes, its pages, and what every answer tells a browser.

Pages are served to this machine only. The Host header is checked, because a browser can be made to
resolve anybody's name to loopback (DNS rebinding), and the policy lets a page load nothing but itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette import (
    applications,
    datastructures,
    exceptions,
    middleware,
    requests,
    responses,
    routing,
    types,
)
from starlette.middleware import trustedhost
from starlette.staticfiles import StaticFiles

HOSTS: Final = ("localhost", "127.0.0.1", "[::1]")
"""The names under which a page may be asked for, whatever the port."""

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    # A newer release may serve other modules under the same names.
    "cache-control": "no-cache",
}


class _Headers:
    """Adds `HEADERS` to every answer."""

    def __init__(self, app: types.ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        async def sent(message: types.Message) -> None:
            if message["type"] == "http.response.start":
                datastructures.MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, sent)


def application(routes: Sequence[routing.BaseRoute], package: str) -> applications.Starlette:
    """The application with these routes, the page kit under `/kit`, and at `/` what lies in the folder
    `static` of ``package``."""
    return applications.Starlette(
        routes=[
            *routes,
            routing.Mount("/kit", StaticFiles(packages=[("stowage.web", "static")])),
            routing.Mount("/", StaticFiles(packages=[(package, "static")], html=True)),
        ],
        middleware=[
            middleware.Middleware(_Headers),
            middleware.Middleware(trustedhost.TrustedHostMiddleware, allowed_hosts=HOSTS, www_redirect=False),
        ],
        exception_handlers={exceptions.HTTPException: _error},
    )


async def _error(_: requests.Request, error: Exception) -> responses.Response:
    """Errors are JSON: `error`, one sentence."""
    assert isinstance(error, exceptions.HTTPException)
    return responses.JSONResponse({"error": error.detail}, error.status_code, error.headers)
