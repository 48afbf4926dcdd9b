"""The page and its port."""

from __future__ import annotations

import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Callable
from typing import Final

from stowage.serving import server
from stowage.tools.overview import app
from stowage.tools.overview import picture as pictures
from stowage.web import live

HOST: Final = "127.0.0.1"


class Failed(Exception):
    """It cannot be started, or go on; one sentence says why. ``code``: the exit code."""

    def __init__(self, sentence: str, code: int = 2) -> None:
        super().__init__(sentence)
        self.code = code


def listen(port: int) -> socket.socket:
    """The page's socket, on loopback; Failed where the port cannot be had."""
    try:
        return server.listen(HOST, port)
    except OSError as error:
        match error.errno:
            case errno.EADDRINUSE:
                sentence = f"port {port} is in use; name another one with --port"
            case errno.EACCES:
                sentence = f"there is no permission to listen on port {port}; name another one with --port"
            case _:
                sentence = f"cannot listen on port {port}: {error.strerror}"
        raise Failed(sentence) from error


@contextlib.asynccontextmanager
async def shown(picture: pictures.Picture, listening: socket.socket) -> AsyncIterator[Callable[[], None]]:
    """Shows a picture while the block is in, which calls what it gets whenever the picture has changed."""
    stream = live.Live(picture.changes)
    application = app.application(picture, stream)
    async with server.serving(application, listening, None, stream.stop):
        yield stream.wake


def address(listening: socket.socket) -> str:
    """Where a browser finds it."""
    return f"http://localhost:{listening.getsockname()[1]}"
