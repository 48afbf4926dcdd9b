"""What somebody may do, by the roles that are bound to them.

`system:masters` may do everything, whatever the roles say. Rules: kube-apiserver's RBAC authorizer
(plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation). Not here: a check that who writes a role
holds what it grants.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from stowage.api import selectors
from stowage.embedded import errors, registry, schema
from stowage.embedded.http import identity, query
from stowage.embedded.storage import store

Object = dict[str, Any]
_GROUP: Final = "rbac.authorization.k8s.io"
_CLUSTER_ROLES: Final = schema.named(_GROUP, "ClusterRole").table
_CLUSTER_BINDINGS: Final = schema.named(_GROUP, "ClusterRoleBinding").table
_ROLES: Final = schema.named(_GROUP, "Role").table
_BINDINGS: Final = schema.named(_GROUP, "RoleBinding").table
_REMEMBERED: Final = 1024
"""Users whose grants are kept until a role changes."""


class Attributes(NamedTuple):
    """What is to be done: to a resource, or to a `path` that is none."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""


class Grant(NamedTuple):
    """A rule that somebody has, where ("" everywhere), and by which binding; or why a binding gives none."""

    namespace: str
    rule: Object
    source: str = ""
    error: str = ""


class Authorizer:
    """Follows the roles and bindings of a registry."""

    def __init__(self, reg: registry.Registry) -> None:
        self._objects = reg.objects
        self._grants: dict[tuple[str, tuple[str, ...]], list[Grant]] = {}
        reg.objects.listen(self._changed)

    def _changed(self, table: str, change: store.Change) -> None:
        if table.endswith(_GROUP):
            self._grants.clear()

    def decide(self, who: identity.Identity, what: Attributes) -> tuple[bool, str]:
        """Whether somebody may, and why."""
        if identity.MASTERS in who.groups:
            return True, ""
        for grant in self.grants(who):
            if grant.namespace in {"", what.namespace} and _allows(grant.rule, what):
                return True, f"RBAC: allowed by {grant.source}"
        missing = self.missing(who, what.namespace)
        return False, f"RBAC: {missing}" if missing else ""

    def missing(self, who: identity.Identity, namespace: str) -> str:
        """The roles that somebody would have, were they there; empty where none is amiss."""
        near = (each for each in self.grants(who) if each.namespace in {"", namespace})
        found = list(dict.fromkeys(each.error for each in near if each.error))
        return found[0] if len(found) == 1 else f"[{', '.join(found)}]" if found else ""

    def check(self, who: identity.Identity, what: Attributes) -> None:
        """ApiError 403."""
        allowed, why = self.decide(who, what)
        if not allowed:
            refusal = _refusal(who, what) + (f": {why}" if why else "")
            raise errors.forbidden(what.group, what.resource, what.name, refusal)

    def grants(self, who: identity.Identity) -> list[Grant]:
        """Everything that somebody has."""
        key = (who.name, who.groups)
        found = self._grants.get(key)
        if found is None:
            if len(self._grants) >= _REMEMBERED:
                self._grants.clear()
            found = self._grants[key] = list(self._resolve(who))
        return found

    def _resolve(self, who: identity.Identity) -> Iterator[Grant]:
        for table in (_CLUSTER_BINDINGS, _BINDINGS):
            for entry in self._objects.entries(table):
                binding = entry.read()
                subject = next(
                    (each for each in binding.get("subjects") or () if _is(each, who, entry.key[0])), None
                )
                if subject is None:
                    continue
                source = _source(binding, subject, entry.key)
                found = self._rules(binding["roleRef"], entry.key[0])
                if found is None:
                    ref = binding["roleRef"]
                    error = f'{ref["kind"].lower()}.{_GROUP} "{ref["name"]}" not found'
                    yield Grant(entry.key[0], {}, error=error)
                for rule in found or ():
                    yield Grant(entry.key[0], rule, source)

    def _rules(self, ref: Object, namespace: str) -> list[Object] | None:
        """The rules of a role; None where it is not there."""
        at_large = ref["kind"] == "ClusterRole"
        found = self._objects.get(
            _CLUSTER_ROLES if at_large else _ROLES, ("" if at_large else namespace, ref["name"])
        )
        if found is None:
            return None
        role = found.read()
        rules = list(role.get("rules") or ())
        for each in (role.get("aggregationRule") or {}).get("clusterRoleSelectors") or ():
            chosen = query.object_selector(each)
            for entry in self._objects.entries(_CLUSTER_ROLES):
                if entry.key != found.key and selectors.matches(chosen, entry.labels):
                    rules += self._rules({"kind": "ClusterRole", "name": entry.key[1]}, "") or []
        return rules


def _is(subject: Object, who: identity.Identity, namespace: str) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "User":
        return bool(name == who.name)
    if kind == "Group":
        return name in who.groups
    space = subject.get("namespace") or namespace
    return kind == "ServiceAccount" and who.name == f"{identity.ACCOUNT}{space}:{name}"


def _source(binding: Object, subject: Object, key: store.Key) -> str:
    ref, (namespace, name) = binding["roleRef"], key
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    at = f"{name}/{namespace}" if namespace else name
    whom = subject["name"] + (f"/{subject['namespace']}" if subject.get("namespace") else "")
    return f'{kind} "{at}" of {ref["kind"]} "{ref["name"]}" to {subject["kind"]} "{whom}"'


def _allows(rule: Object, what: Attributes) -> bool:
    if not _among(what.verb, rule, "verbs"):
        return False
    if what.path:
        return any(_covers(pattern, what.path) for pattern in rule.get("nonResourceURLs") or ())
    if not _among(what.group, rule, "apiGroups"):
        return False
    if what.subresource:
        named = _among(f"{what.resource}/{what.subresource}", rule, "resources")
        if not named and f"*/{what.subresource}" not in (rule.get("resources") or ()):
            return False
    elif not _among(what.resource, rule, "resources"):
        return False
    return not rule.get("resourceNames") or what.name in rule["resourceNames"]


def _among(word: str, rule: Object, field: str) -> bool:
    words = rule.get(field) or ()
    return word in words or "*" in words


def _covers(pattern: str, path: str) -> bool:
    return pattern == path or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def _refusal(who: identity.Identity, what: Attributes) -> str:
    if what.path:
        return f'User "{who.name}" cannot {what.verb} path "{what.path}"'
    resource = what.resource + (f"/{what.subresource}" if what.subresource else "")
    where = f'in the namespace "{what.namespace}"' if what.namespace else "at the cluster scope"
    return f'User "{who.name}" cannot {what.verb} resource "{resource}" in API group "{what.group}" {where}'
