from typing import Any

import pytest

from stowage.embedded import errors, registry, schema, server
from stowage.embedded.http import identity, rbac
from stowage.embedded.storage import store
from tests.unit.embedded.simulated import OPTIONS

GROUP = "rbac.authorization.k8s.io"
JANE = identity.named("jane", ["crew"])
ROBOT = identity.named("system:serviceaccount:shop:robot")


class World:
    def __init__(self) -> None:
        self.reg = registry.Registry(store.Store(), seed=1)
        server.bootstrap(self.reg)
        self.may = rbac.Authorizer(self.reg)
        self.reg.create(schema.named("", "Namespace"), "", {"metadata": {"name": "shop"}}, OPTIONS)

    def create(self, kind: str, name: str, namespace: str = "", **parts: Any) -> None:
        value = {"metadata": {"name": name}} | parts
        self.reg.create(schema.named(GROUP, kind), namespace, value, OPTIONS)

    def bind(self, role: str, subject: dict[str, str], namespace: str = "", name: str = "b") -> None:
        kind = "RoleBinding" if namespace else "ClusterRoleBinding"
        ref = {"apiGroup": GROUP, "kind": "ClusterRole", "name": role}
        self.create(kind, name, namespace, roleRef=ref, subjects=[subject])

    def allows(self, who: identity.Identity, verb: str, resource: str, **more: str) -> bool:
        return self.may.decide(who, rbac.Attributes(verb, resource=resource, **more))[0]


def test_masters_may_everything_and_others_ask_what_they_may() -> None:
    world = World()
    assert world.allows(identity.ADMIN, "delete", "nodes")
    assert not world.allows(JANE, "get", "pods", namespace="shop")
    mine = rbac.Attributes("create", "authorization.k8s.io", "selfsubjectaccessreviews")
    assert world.may.decide(JANE, mine)[0]
    assert world.may.decide(JANE, rbac.Attributes("get", path="/apis/apps/v1"))[0]
    assert not world.may.decide(JANE, rbac.Attributes("get", path="/metrics"))[0]
    assert world.may.decide(identity.ANONYMOUS, rbac.Attributes("get", path="/version"))[0]


@pytest.mark.parametrize(
    ("subject", "who"),
    [
        ({"kind": "User", "name": "jane"}, JANE),
        ({"kind": "Group", "name": "crew"}, JANE),
        ({"kind": "ServiceAccount", "name": "robot", "namespace": "shop"}, ROBOT),
        ({"kind": "Group", "name": "system:serviceaccounts:shop"}, ROBOT),
    ],
    ids=["user", "group", "service account", "group of accounts"],
)
def test_a_binding_is_for_its_subjects(subject: dict[str, str], who: identity.Identity) -> None:
    world = World()
    world.bind("view", subject)
    assert world.allows(who, "list", "pods", namespace="shop")
    assert not world.allows(who, "delete", "pods", namespace="shop")
    assert not world.allows(who, "get", "secrets", namespace="shop")
    assert not world.allows(identity.named("someone"), "list", "pods")


def test_a_role_binding_is_for_its_namespace() -> None:
    world = World()
    world.bind("edit", {"kind": "User", "name": "jane"}, "shop")
    assert world.allows(JANE, "delete", "pods", namespace="shop")
    assert not world.allows(JANE, "delete", "pods", namespace="default")
    assert not world.allows(JANE, "list", "pods")


def test_what_is_granted_changes_with_the_bindings() -> None:
    world = World()
    world.bind("view", {"kind": "User", "name": "jane"})
    assert world.allows(JANE, "get", "pods")
    world.reg.objects.remove(f"clusterrolebindings.{GROUP}", ("", "b"))
    assert not world.allows(JANE, "get", "pods")


@pytest.mark.parametrize(
    ("rule", "what", "allowed"),
    [
        ({"resources": ["pods"], "resourceNames": ["a"]}, {"resource": "pods", "name": "a"}, True),
        ({"resources": ["pods"], "resourceNames": ["a"]}, {"resource": "pods", "name": "b"}, False),
        ({"resources": ["pods"]}, {"resource": "pods", "subresource": "status"}, False),
        ({"resources": ["pods/status"]}, {"resource": "pods", "subresource": "status"}, True),
        ({"resources": ["*/scale"]}, {"resource": "deployments", "subresource": "scale"}, True),
        ({"resources": ["*"]}, {"resource": "pods", "subresource": "binding"}, True),
        ({"resources": ["pods"], "apiGroups": ["apps"]}, {"resource": "pods"}, False),
    ],
    ids=["name", "other name", "no subresource", "subresource", "any scale", "all", "other group"],
)
def test_a_rule_allows_what_it_names(rule: dict[str, Any], what: dict[str, str], allowed: bool) -> None:
    world = World()
    world.create("ClusterRole", "r", rules=[{"verbs": ["get"], "apiGroups": [""]} | rule])
    world.bind("r", {"kind": "User", "name": "jane"})
    assert world.may.decide(JANE, rbac.Attributes("get", **what))[0] is allowed


def test_a_role_may_gather_the_rules_of_others() -> None:
    world = World()
    rules = [{"verbs": ["get"], "apiGroups": [""], "resources": ["nodes"]}]
    world.create(
        "ClusterRole", "whole", aggregationRule={"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    )
    world.create("ClusterRole", "part", metadata={"name": "part", "labels": {"a": "b"}}, rules=rules)
    world.bind("whole", {"kind": "User", "name": "jane"})
    assert world.allows(JANE, "get", "nodes")


def test_a_refusal_says_who_what_and_where() -> None:
    world = World()
    with pytest.raises(errors.ApiError) as raised:
        world.may.check(JANE, rbac.Attributes("get", "apps", "deployments", "scale", "shop", "web"))
    assert raised.value.code == 403
    assert raised.value.message == (
        'deployments.apps "web" is forbidden: User "jane" cannot get resource "deployments/scale" in API'
        ' group "apps" in the namespace "shop"'
    )
    with pytest.raises(errors.ApiError, match='forbidden: User "jane" cannot get path "/metrics"'):
        world.may.check(JANE, rbac.Attributes("get", path="/metrics"))


def test_a_role_that_is_not_there_is_told_where_nothing_else_allows() -> None:
    world = World()
    world.bind("gone", {"kind": "User", "name": "jane"}, "shop")
    what = rbac.Attributes("get", resource="pods", namespace="shop")
    assert world.may.decide(JANE, what) == (False, f'RBAC: clusterrole.{GROUP} "gone" not found')
    world.bind("cluster-admin", {"kind": "User", "name": "jane"}, "shop", "c")
    assert world.may.decide(JANE, what)[0]
