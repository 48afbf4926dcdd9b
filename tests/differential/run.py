"""One sequence on both servers, and the smallest part of it that still differs."""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import dataclasses
import http.client
import itertools
import json
import ssl
import time
import urllib.parse
from collections.abc import Sequence
from typing import Any, NamedTuple

from tests.differential import compare, kinds
from tests.differential.requests import JSON, Step

AGENT = "differential"
WATCH_SECONDS = 1
POLL_SECONDS = 0.05
END = "k8s.io/initial-events-end"
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
SETTLE_SECONDS = 10.0
"""Until the real server's caches and its authoriser have seen what was written last."""


class Watched(NamedTuple):
    """What is watched of a sequence: the changes, or what there is after it."""

    kind: kinds.Kind
    selector: str = ""
    initial: bool = False
    accept: str = JSON
    include: str = ""


class Server:
    """One server, on one connection, and what it said last of each object."""

    def __init__(self, port: int, token: str) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": AGENT}
        self._objects: dict[str, dict[str, Any]] = {}
        self._pages: dict[str, str] = {}
        self._token = "t"

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def send(self, step: Step, namespace: str) -> tuple[int, Any]:
        """Status code and JSON; text where it is none."""
        known = self._objects.get(step.about.replace("$namespace", namespace), {})
        body = step.body
        if step.merged:
            body = _merge(known, body)
        text = None if body is None else self._filled(_packed(body), known, namespace)
        query = self._filled(step.query, known, namespace)
        query = query.replace("$continue", self._pages.get(step.path, ""))
        path = step.path.replace("$namespace", namespace)
        status, answer = self.request(step.verb, path, query, text, step.media, step.user, step.accept)
        self._remember(step, namespace, status, answer)
        return status, answer

    def request(
        self,
        verb: str,
        path: str,
        query: str = "",
        text: str | None = None,
        media: str = JSON,
        user: str = "",
        accept: str = JSON,
    ) -> tuple[int, Any]:
        """One request, as it is."""
        target = path + ("?" + urllib.parse.quote(query, safe="=&%") if query else "")
        headers = self._headers | ({"Content-Type": media} if text is not None else {})
        headers |= {"Impersonate-User": user} if user else {}
        headers["Accept"] = accept
        self._connection.request(verb, target, None if text is None else text.encode(), headers)
        answer = self._connection.getresponse()
        read = answer.read()
        if answer.will_close:
            self._connection.close()
        return answer.status, json.loads(read) if read[:1] in {b"{", b"["} else read.decode()

    def define(self, definition: dict[str, Any]) -> None:
        """Create a CustomResourceDefinition and wait until its kind is served. TimeoutError."""
        spec = definition["spec"]
        path = f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}"
        status, answer = self.request("POST", kinds.DEFINITIONS, text=json.dumps(definition))
        assert status in {201, 409}, answer
        until = time.monotonic() + SETTLE_SECONDS
        while self.request("GET", path)[0] != 200:
            if time.monotonic() > until:
                raise TimeoutError(path)
            time.sleep(POLL_SECONDS)

    def events(self, watched: Watched, namespace: str, version: str) -> list[Any]:
        """What a watch tells from that version on, or of what there is."""
        kind = watched.kind
        chosen = [watched.selector] if watched.selector else []
        selector = ",".join([*chosen, *([] if kind.namespaced else [f"seq={namespace}"])])
        begin = INITIAL if watched.initial else f"resourceVersion={version}"
        query = f"watch=true&{begin}&timeoutSeconds={WATCH_SECONDS}&labelSelector={selector}"
        include = f"&includeObject={watched.include}" if watched.include else ""
        target = f"{kind.path(namespace)}?{query}{include}"
        self._connection.request("GET", target, headers=self._headers | {"Accept": watched.accept})
        answer = self._connection.getresponse()
        lines = answer.read().splitlines()
        self._connection.close()
        told = [json.loads(line) for line in lines]
        for each in told:
            if each["type"] == "BOOKMARK":  # besides, an empty object of the kind
                meta = each["object"]["metadata"]
                each["object"] = {"version": meta["resourceVersion"] != "", "end": END in str(meta)}
        return told

    def version(self, kind: kinds.Kind, namespace: str) -> str:
        """Where a watch of the kind is to begin."""
        _, found = self.request("GET", kind.path(namespace), "limit=1")
        return str(found["metadata"]["resourceVersion"])

    def _filled(self, text: str, known: dict[str, Any], namespace: str) -> str:
        meta = known.get("metadata", {})
        text = text.replace("$version", meta.get("resourceVersion", "1")).replace(
            "$uid", meta.get("uid", "u")
        )
        return text.replace("$token", self._token).replace("$namespace", namespace)

    def _remember(self, step: Step, namespace: str, status: int, answer: Any) -> None:
        if not isinstance(answer, dict):
            return
        meta = answer.get("metadata") or {}
        if answer.get("kind") == "TokenRequest":
            self._token = answer["status"]["token"]
        if (
            status < 300
            and "dryRun" not in step.query
            and meta.get("name")
            and "'dryRun'" not in str(step.body)
        ):
            self._objects[step.about.replace("$namespace", namespace)] = answer
        if str(answer.get("kind", "")).endswith(("List", "Table")):
            self._pages[step.path] = meta.get("continue", "")


def _packed(body: Any) -> str:
    """Without blanks, which are kept in the raw JSON of a ControllerRevision."""
    return json.dumps(body, separators=(",", ":"))


def _merge(known: Any, edit: Any) -> Any:
    if not isinstance(edit, dict):
        return edit
    base = known if isinstance(known, dict) else {}
    merged = {key: part for key, part in base.items() if key not in edit or edit[key] is not None}
    for key, part in edit.items():
        if part is not None:
            merged[key] = _merge(base.get(key), part)
    return merged


@dataclasses.dataclass(frozen=True)
class Difference:
    """``step``: the one whose answers differ; None for the watch."""

    step: Step | None
    lines: list[str]

    @property
    def signature(self) -> str:
        """The same for differences that are likely one: verb, kind of body and the first place."""
        first = self.lines[0].replace("'", "")
        if self.step is None:
            return f"watch {first}"
        return f"{self.step.verb} {self.step.media} {first}"


class Pair:
    """The real server and the embedded one."""

    def __init__(self, real: Server, ours: Server) -> None:
        self._servers = (real, ours)
        self._threads = concurrent.futures.ThreadPoolExecutor(2)
        self._numbers = itertools.count()
        self.answers: collections.Counter[tuple[str, int]] = collections.Counter()
        """by verb and the real server's status code"""

    def close(self) -> None:
        """Closes both connections."""
        for each in self._servers:
            each.close()
        self._threads.shutdown()

    def define(self, definition: dict[str, Any]) -> None:
        """Give both servers a custom kind."""
        for each in self._servers:
            each.define(definition)

    def run(self, steps: Sequence[Step], watched: Watched | None, prefix: str) -> Difference | None:
        """The first difference in the answers, or else in what a watch told."""
        namespace = f"{prefix}-{next(self._numbers)}"
        meta = json.dumps({"metadata": {"name": namespace}})
        for each in self._servers:
            status, answer = each.request("POST", "/api/v1/namespaces", text=meta)
            assert status == 201, answer
        begin = [each.version(watched.kind, namespace) for each in self._servers] if watched else []
        try:
            for step in steps:
                if lines := self._differences(step, namespace):
                    return Difference(step, lines)
            if watched:
                told = self._threads.map(
                    lambda each, version: compare.plain(each.events(watched, namespace, version)),
                    self._servers,
                    begin,
                )
                lines = compare.differences(*told)
                if lines:
                    return Difference(None, lines)
        finally:
            for each in self._servers:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self._clean(each, steps, namespace)
        return None

    def _differences(self, step: Step, namespace: str) -> list[str]:
        """Of the answers; what settles is asked until both say the same, for a while."""
        until = time.monotonic() + (SETTLE_SECONDS if step.settles else 0)
        while True:
            theirs, ours = self._threads.map(lambda each: each.send(step, namespace), self._servers)
            wanted = {"code": theirs[0], "body": compare.plain(theirs[1])}
            lines = compare.differences(wanted, {"code": ours[0], "body": compare.plain(ours[1])})
            if not lines or time.monotonic() > until:
                self.answers[step.verb, theirs[0]] += 1
                return lines
            time.sleep(POLL_SECONDS)

    def _clean(self, server: Server, steps: Sequence[Step], namespace: str) -> None:
        """Cluster-scoped objects stay otherwise, and some of them act on later sequences."""
        for path in {step.path for step in steps if step.verb == "POST" and "/namespaces/" not in step.path}:
            server.request("DELETE", path.replace("$namespace", namespace), f"labelSelector=seq={namespace}")
        server.request("DELETE", f"/api/v1/namespaces/{namespace}")


def shrink(
    pair: Pair, steps: Sequence[Step], watched: Watched | None, wanted: Difference, prefix: str
) -> list[Step]:
    """Fewer steps with the same difference; steps are taken away one at a time, from the end."""
    kept = list(steps)
    if wanted.step is not None:
        kept = kept[: kept.index(wanted.step) + 1]
        watched = None
    for step in reversed(kept[:-1] if wanted.step is not None else list(kept)):
        fewer = [each for each in kept if each is not step]
        found = pair.run(fewer, watched, prefix)
        if found and found.signature == wanted.signature:
            kept = fewer
    return kept
