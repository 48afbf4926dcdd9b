"""The overview's routes: the live stream, and a closer look at one node or pod."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette import applications, exceptions, requests, responses, routing

from stowage.tools.overview import picture as pictures
from stowage.web import app, live


def application(picture: pictures.Picture, stream: live.Live) -> applications.Starlette:
    """The application that shows a picture."""

    async def node(request: requests.Request) -> responses.Response:
        name = request.path_params["name"]
        try:
            return _json(picture.node(name))
        except KeyError:
            raise exceptions.HTTPException(404, f"there is no node {name}") from None

    async def pod(request: requests.Request) -> responses.Response:
        namespace, name = request.path_params["namespace"], request.path_params["name"]
        try:
            return _json(picture.pod(namespace, name))
        except KeyError:
            raise exceptions.HTTPException(404, f"there is no pod {namespace}/{name}") from None

    routes = [
        routing.Route("/api/live", stream.endpoint),
        routing.Route("/api/nodes/{name}", node),
        routing.Route("/api/pods/{namespace}/{name}", pod),
    ]
    return app.application(routes, "stowage.tools.overview")


def _json(value: Any) -> responses.Response:
    return responses.Response(msgspec.json.encode(value), media_type="application/json")
