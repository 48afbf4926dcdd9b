"""Random sequences of requests. What a server gives out (versions, uids, pages) is filled in later.

What is not asked, and why: README.md.
"""

from __future__ import annotations

import copy
import dataclasses
import random
from collections.abc import Callable
from typing import Any

from tests.differential import kinds, objects

MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
JSON = "application/json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
NAMES = ("a", "b", "c")
SELECTORS = (
    "app=web",
    "app!=web",
    "app in (web,db)",
    "app notin (web)",
    "tier",
    "!tier",
    "app=web,tier=1",
    "app in (",
)


@dataclasses.dataclass(frozen=True)
class Step:
    """One request. In path, query and body, "$namespace" stands for the sequence's own; in the body
    "$version" and "$uid" for what the server said last of the object at `about`; "$continue" in the
    query for the last page's token. ``merged``: the body is the object as it is, with this merged into it."""

    verb: str
    path: str
    query: str = ""
    body: Any = None
    media: str = JSON
    about: str = ""
    merged: bool = False
    user: str = ""
    """In whose name."""
    settles: bool = False
    """Whether the real server may answer from what it knew a moment ago; asking again does no harm."""
    accept: str = JSON

    def __str__(self) -> str:
        body = "" if self.body is None else f" {self.media.split('/')[1].split('+')[0]} {self.body}"
        shown = " as a table" if self.accept == TABLE else ""
        return f"{self.verb} {self.path}{'?' + self.query if self.query else ''}{body}{shown}"


class Sequence:
    """Makes the steps of one sequence, on one or two kinds."""

    def __init__(self, seed: int, only: kinds.Kind | None = None) -> None:
        self._rng = random.Random(seed)
        chosen = [only] if only else self._rng.sample(kinds.KINDS, self._rng.randint(1, 2))
        names = {name for kind in chosen for name in kind.beside}
        self.kinds = [each for each in kinds.KINDS if each.plural in names and each not in chosen] + chosen

    def steps(self) -> list[Step]:
        """Some are made first, so that the rest has something to work on."""
        made = [self._create(kind) for kind in self.kinds for _ in range(2)]
        for _ in range(self._rng.randint(6, 14)):
            kind = self._rng.choice(self.kinds)
            made.append(self._any(kind))
        made.extend(Step("GET", kind.path("$namespace"), self._mine(kind)) for kind in self.kinds)
        return made

    def _any(self, kind: kinds.Kind) -> Step:
        choices: list[tuple[int, Callable[[kinds.Kind], Step]]] = [
            (5, self._create),
            (2, self._get),
            (3, self._list),
            (4, self._put),
            (5, self._merge),
            (3, self._json_patch),
            (4, self._apply),
            (3, self._delete),
            (1, self._delete_some),
            (4 if kind.subresources else 0, self._subresource),
            (1, self._wrong),
        ]
        if not kind.kept:  # only asked in passing for what it has not
            choices = [(20, self._create), *choices]
        weights = [weight for weight, _ in choices]
        step = self._rng.choices([make for _, make in choices], weights)[0](kind)
        if step.verb != "GET" and kind.named:
            return step
        user = self._rng.choice(["", "", "", "", objects.USER])
        return dataclasses.replace(step, user=user, settles=bool(user) or not kind.named or step.settles)

    # ---------------------------------------------------------------- objects

    def _name(self, kind: kinds.Kind) -> str:
        name = self._rng.choice(NAMES)
        return name if kind.namespaced else f"$namespace-{name}"

    def _object(self, kind: kinds.Kind, name: str) -> dict[str, Any]:
        labels = {"seq": "$namespace", "app": self._rng.choice(objects.LABELS)}
        if self._rng.random() < 0.5:
            labels["tier"] = self._rng.choice("12")
        made = copy.deepcopy(kind.make(self._rng))
        made["metadata"] = {"name": name, "labels": labels}
        if self._rng.random() < 0.15:
            made["metadata"]["finalizers"] = ["example.com/f"]
        if self._rng.random() < 0.15:
            made["metadata"]["annotations"] = {"example.com/a": "b"}
        if kind.namespaced and self._rng.random() < 0.05:  # of the others, labels say whose they are
            made["metadata"].pop("labels")
        if not kind.named and self._rng.random() < 0.9:
            made["metadata"] = {}
        made["apiVersion"], made["kind"] = kind.group_version, kind.kind
        return made

    def _create(self, kind: kinds.Kind) -> Step:
        rng, name = self._rng, self._name(kind)
        body = self._object(kind, name)
        query = rng.choice(["", "", "", "dryRun=All", "fieldValidation=Strict", "fieldManager=one"])
        flaw = rng.random()
        if flaw < 0.03:
            mine = "" if kind.namespaced else "$namespace"
            bad = [f"{mine}Upper", f"{mine} b", f"-{mine}", mine + "x" * 260]
            body["metadata"]["name"] = rng.choice([*bad, ""])
            if kind.kind == "LimitRange":  # one without a name gets a random one, and a random place in lists
                query = "dryRun=All"
        elif flaw < 0.05:
            body["metadata"]["labels"] = {"bad key!": "x"}
        elif flaw < 0.08:
            body["unknown"] = 1
        elif flaw < 0.12:
            self._mistype(body)
        elif flaw < 0.13:
            body["metadata"]["namespace"] = "elsewhere"
        elif flaw < 0.14:
            body["kind"] = "Other"
        elif flaw < 0.16:
            body["metadata"]["resourceVersion"] = "7"
        elif flaw < 0.18:
            body["metadata"]["finalizers"] = ["nogroup"]
        elif flaw < 0.24:
            self._lose(body)
        return Step("POST", kind.path("$namespace"), query, body, about=f"{kind.path('$namespace')}/{name}")

    def _mistype(self, body: dict[str, Any]) -> None:
        """One value, somewhere, is of another type."""
        holder, key = self._rng.choice(_places(body))
        others: list[Any] = [{"x": 1}, ["y"], True]
        holder[key] = self._rng.choice([each for each in others if type(each) is not type(holder[key])])

    def _lose(self, body: dict[str, Any]) -> None:
        """One part, somewhere, is missing; what all kinds have stays."""
        own = sorted(body.keys() - {"apiVersion", "kind", "metadata"})
        if own:
            top = self._rng.choice(own)
            inside = _places(body[top]) if isinstance(body[top], (dict, list)) else []
            holder, key = self._rng.choice([(body, top), *inside])
            del holder[key]

    # ------------------------------------------------------------------ reads

    def _mine(self, kind: kinds.Kind) -> str:
        """A list of a cluster-scoped kind has others' objects too."""
        return "" if kind.namespaced else "labelSelector=seq%3D$namespace"

    def _get(self, kind: kinds.Kind) -> Step:
        path = f"{kind.path('$namespace')}/{self._name(kind)}"
        query = self._rng.choice(
            ["", "", "resourceVersion=$version", "resourceVersion=x", "resourceVersion=0"]
        )
        return self._shown(Step("GET", path, query, about=path, settles="=0" in query))

    def _list(self, kind: kinds.Kind) -> Step:
        rng, mine = self._rng, "" if kind.namespaced else ",seq=$namespace"
        query = []
        if mine or rng.random() < 0.6:
            query.append(f"labelSelector={rng.choice(SELECTORS)}{mine}")
        if rng.random() < 0.3:
            field = rng.choice(["metadata.name=a", "metadata.name!=a", "metadata.namespace=x", "spec.x=y"])
            query.append(f"fieldSelector={field}")
        if kind.plural == "pods" and rng.random() < 0.4:
            field = rng.choice(["spec.nodeName=", "status.phase!=Running", "spec.schedulerName=other"])
            query.append(f"fieldSelector={field}")
        if rng.random() < 0.4:
            query.append(f"limit={rng.choice([1, 2, 500, 0])}")
            if rng.random() < 0.5:
                query.append("continue=$continue")
        if rng.random() < 0.15:
            odd = ["resourceVersion=x", "resourceVersionMatch=Exact", "limit=x", "limit=-1"]
            cached = ["resourceVersion=0", "resourceVersion=0&resourceVersionMatch=NotOlderThan"]
            query.append(rng.choice([*odd, *cached]))
        text = "&".join(query)
        return self._shown(Step("GET", kind.path("$namespace"), text, settles="resourceVersion=0" in text))

    def _shown(self, step: Step) -> Step:
        """Now and then as a table."""
        if self._rng.random() > 0.3:
            return step
        include = self._rng.choice(["", "", "Metadata", "Object", "None", "Some"])
        query = "&".join(part for part in (step.query, include and f"includeObject={include}") if part)
        return dataclasses.replace(step, query=query, accept=TABLE)

    # ----------------------------------------------------------------- writes

    def _edit(self, kind: kinds.Kind) -> dict[str, Any]:
        common: list[dict[str, Any]] = [
            {"metadata": {"labels": {"tier": None}}},
            {"metadata": {"labels": {"tier": "2"}}},
            {"metadata": {"annotations": {"x": "y"}}},
            {"metadata": {"finalizers": None}},
            {"metadata": {"finalizers": ["example.com/g"]}},
            {"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "o", "uid": "u"}]}},
            {"metadata": {"name": "other"}},
            {"metadata": {"labels": {"tier": "not ok"}}},
            {"metadata": {"uid": "other"}},
            {"unknown": {"x": 1}},
            {},
        ]
        if kind.edits and self._rng.random() < 0.65:
            return copy.deepcopy(self._rng.choice(kind.edits))
        return self._rng.choice(common)

    def _put(self, kind: kinds.Kind) -> Step:
        rng, path = self._rng, f"{kind.path('$namespace')}/{self._name(kind)}"
        edit = self._edit(kind)
        version = rng.choice([{}, {}, {"resourceVersion": None}, {"resourceVersion": "3"}])
        edit["metadata"] = edit.get("metadata", {}) | version
        query = rng.choice(["", "", "dryRun=All", "fieldManager=two"])
        return Step("PUT", path, query, edit, about=path, merged=True)

    def _merge(self, kind: kinds.Kind) -> Step:
        path = f"{kind.path('$namespace')}/{self._name(kind)}"
        edit = self._edit(kind)
        if self._rng.random() < 0.1:
            edit = {**edit, "metadata": {**edit.get("metadata", {}), "resourceVersion": "$version"}}
        query = self._rng.choice(["", "", "dryRun=All", "fieldManager=two", "fieldValidation=Strict"])
        return Step("PATCH", path, query, edit, self._rng.choice([MERGE, STRATEGIC]), about=path)

    def _json_patch(self, kind: kinds.Kind) -> Step:
        rng, path = self._rng, f"{kind.path('$namespace')}/{self._name(kind)}"
        operations = [
            {"op": "add", "path": "/metadata/labels/x", "value": "y"},
            {"op": "remove", "path": "/metadata/labels/app"},
            {"op": "remove", "path": "/metadata/labels/none"},
            {"op": "replace", "path": "/metadata/labels/app", "value": "db"},
            {"op": "replace", "path": "/metadata/labels/none", "value": "db"},
            {"op": "test", "path": "/metadata/labels/app", "value": "web"},
            {"op": "copy", "from": "/metadata/labels/app", "path": "/metadata/labels/copied"},
            {"op": "move", "from": "/metadata/labels/app", "path": "/metadata/labels/moved"},
            {"op": "add", "path": "/metadata/annotations", "value": {"p": "q"}},
            {"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/h"},
            {"op": "none", "path": "/x"},
        ]
        chosen = rng.choices(operations, [6, 6, 1, 6, 1, 6, 6, 6, 6, 1, 1], k=rng.randint(1, 2))
        return Step("PATCH", path, "", chosen, JSON_PATCH, about=path)

    def _apply(self, kind: kinds.Kind) -> Step:
        rng, name = self._rng, self._name(kind)
        path = f"{kind.path('$namespace')}/{name}"
        body = self._object(kind, name)
        if rng.random() < 0.5:  # less than the whole: a second manager has a say in a part
            body = {key: body[key] for key in ("apiVersion", "kind", "metadata")}
        flaw = rng.random()
        if flaw < 0.04:
            body["unknown"] = 1
        elif flaw < 0.1:
            self._mistype(body)
        elif flaw < 0.16:
            self._lose(body)
        query = f"fieldManager={rng.choice(['one', 'two'])}" + rng.choice(
            ["", "", "&force=true", "&dryRun=All"]
        )
        if rng.random() < 0.03:
            query = ""
        return Step("PATCH", path, query, body, APPLY, about=path)

    def _delete(self, kind: kinds.Kind) -> Step:
        rng, path = self._rng, f"{kind.path('$namespace')}/{self._name(kind)}"
        options: list[Any] = [
            None,
            None,
            {"preconditions": {"uid": "$uid"}},
            {"preconditions": {"uid": "other"}},
            {"preconditions": {"resourceVersion": "$version"}},
            {"preconditions": {"resourceVersion": "3"}},
            {"gracePeriodSeconds": 0},
            {"gracePeriodSeconds": 7},
            {"propagationPolicy": "Foreground"},
            {"propagationPolicy": "Orphan"},
            {"propagationPolicy": "Sideways"},
            {"dryRun": ["All"]},
            {"dryRun": ["Some"]},
        ]
        return Step("DELETE", path, "", rng.choice(options), about=path)

    def _delete_some(self, kind: kinds.Kind) -> Step:
        selector = self._rng.choice(["app=web", "tier", "app notin (web)"])
        mine = "" if kind.namespaced else ",seq=$namespace"
        return Step("DELETE", kind.path("$namespace"), f"labelSelector={selector}{mine}")

    def _subresource(self, kind: kinds.Kind) -> Step:
        rng, name = self._rng, self._name(kind)
        sub = rng.choice(kind.subresources)
        path = f"{kind.path('$namespace')}/{name}"
        about = path
        path = f"{path}/{sub}"
        if sub == "binding":
            target = rng.choice(
                [{"kind": "Node", "name": "n"}, {"name": "n"}, {"kind": "Node"}, {"kind": "X", "name": "n"}]
            )
            meta: dict[str, Any] = {"name": name} | rng.choice([{}, {"uid": "$uid"}, {"uid": "other"}])
            return Step("POST", path, "", {"metadata": meta, "target": target}, about=about)
        if sub == "eviction":
            options: dict[str, Any] = rng.choice(
                [{}, {"deleteOptions": {"gracePeriodSeconds": 3}}, {"deleteOptions": {"dryRun": ["All"]}}]
            )
            return Step("POST", path, "", {"metadata": {"name": name}, **options}, about=about)
        if sub == "finalize":
            held: list[list[str]] = [[], ["kubernetes"], ["example.com/f"], ["nogroup"]]
            changed = {"spec": {"finalizers": rng.choice(held)}}
            return Step("PUT", path, "", changed, about=about, merged=True)
        if sub == "token":
            specs: list[dict[str, Any]] = [
                {},
                {},
                {"audiences": ["a", "b"]},
                {"expirationSeconds": 5},
                {"expirationSeconds": 700},
            ]
            return Step("POST", path, "", {"spec": rng.choice(specs)}, about=f"{path}/token")
        if sub == "scale":
            wanted: dict[str, Any] = {"spec": {"replicas": rng.choice([-1, 0, 1, 2, 3])}}
            if rng.random() < 0.3:  # one that changes nothing has an effect as well
                wanted = {}
            if rng.random() < 0.4:
                return Step("GET", path)
            return Step("PATCH", path, "", wanted, MERGE, about=about)
        edit: dict[str, Any] = copy.deepcopy(rng.choice(kind.edits)) if kind.edits else {}
        if sub == "resize":
            resized = {"name": rng.choice("aaab"), "resources": copy.deepcopy(rng.choice(RESOURCES))}
            edit["spec"] = (edit.get("spec") or {}) | {"containers": [resized]}
        edit["status"] = rng.choice(STATUSES.get(kind.plural, [{}]))
        if rng.random() < 0.3:
            return Step("GET", path)
        return Step("PATCH", path, "", edit, rng.choice([MERGE, STRATEGIC]), about=about)

    def _wrong(self, kind: kinds.Kind) -> Step:
        path = kind.path("$namespace")
        generated = {"metadata": {"generateName": "$namespace-g-"}}
        return self._rng.choice(
            [
                Step("PUT", path, "", {}),
                Step("GET", f"{path}/a/nothing"),
                Step("POST", path, "", [1]),
                Step("PATCH", f"{path}/a", "", {}, "text/plain"),
                Step("POST", f"{path}/a", "", {}),
                Step("GET", path.replace(kind.plural, "nothings")),
                Step("POST", path, "", generated),
            ]
        )


def _places(body: Any) -> list[tuple[Any, Any]]:
    """Where a value stands in a body: what holds it, and its key or index."""
    found: list[tuple[Any, Any]] = []
    for key, part in list(body.items() if isinstance(body, dict) else enumerate(body)):
        if key not in {"apiVersion", "kind"}:
            found.append((body, key))
        if isinstance(part, (dict, list)):
            found += _places(part)
    return found


CONDITION = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z", "reason": "R"}
RESOURCES: list[dict[str, Any]] = [
    {"requests": {"cpu": "250m"}},
    {"requests": {"cpu": "0.25", "memory": "2048Mi"}},
    {"requests": {"cpu": None}},
    {"requests": {"cpu": "-1"}},
    {"limits": {"cpu": "3", "memory": "4Gi"}},
    {"limits": {"cpu": "3", "memory": "4Gi"}, "requests": {"cpu": "3", "memory": "4Gi"}},
    {"requests": {"ephemeral-storage": "1Gi"}},
    {},
]
"""What a container is resized to."""
STATUSES: dict[str, list[dict[str, Any]]] = {
    "pods": [
        {"phase": "Running"},
        {"phase": "Succeeded"},
        {"conditions": [CONDITION | {"type": "PodScheduled", "message": "m"}]},
        {"nominatedNodeName": "n"},
    ],
    "nodes": [
        {"conditions": [CONDITION]},
        {"capacity": {"cpu": "3"}},
        {"addresses": [{"type": "Hostname", "address": "n"}]},
    ],
    "deployments": [{"replicas": 2, "observedGeneration": 1}],
    "replicasets": [{"replicas": 2, "readyReplicas": 1}],
    "statefulsets": [{"replicas": 2}],
    "persistentvolumeclaims": [{"phase": "Bound"}],
    "persistentvolumes": [{"phase": "Available"}],
    "poddisruptionbudgets": [
        {"disruptionsAllowed": 1, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    ],
}
