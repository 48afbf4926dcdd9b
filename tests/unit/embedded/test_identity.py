from datetime import timedelta
from typing import Any

import pytest

from stowage.embedded import errors, registry, schema, server
from stowage.embedded.http import identity
from stowage.embedded.storage import store
from tests.unit.embedded.simulated import OPTIONS, START

ACCOUNTS, PODS = schema.named("", "ServiceAccount"), schema.named("", "Pod")
NAME = "system:serviceaccount:default:robot"


class World:
    def __init__(self, objects: store.Store | None = None) -> None:
        self.passed = 0.0
        self.reg = registry.Registry(
            objects or store.Store(), lambda: START + timedelta(seconds=self.passed), seed=1
        )
        server.bootstrap(self.reg)
        self.who = identity.Authenticator(self.reg, "secret")
        if not objects:
            self.reg.create(ACCOUNTS, "default", {"metadata": {"name": "robot"}}, OPTIONS)

    def token(self, **spec: Any) -> str:
        asked = self.who.request_token("default", "robot", {"spec": {"expirationSeconds": 3600} | spec})
        return str(asked["status"]["token"])

    def delete(self, resource: schema.Resource, name: str) -> None:
        self.reg.objects.remove(resource.table, ("default", name))


def test_the_administrator_is_known_by_the_token() -> None:
    assert World().who.identify("secret")[0] == identity.ADMIN


def test_a_service_account_is_known_by_a_token_it_was_given() -> None:
    world = World()
    found, audiences = world.who.identify(world.token())
    assert (found.name, audiences) == (NAME, [identity.ISSUER])
    assert found.groups == (
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    )
    assert found.user()["extra"]["authentication.kubernetes.io/credential-id"][0].startswith("JTI=")


def test_a_token_ends_with_its_time() -> None:
    world = World()
    token = world.token(expirationSeconds=600)
    world.passed = 599
    world.who.identify(token)
    world.passed = 600
    with pytest.raises(identity.UnknownTokenError, match="expired"):
        world.who.identify(token)


def test_a_token_ends_with_its_account_though_another_has_the_name() -> None:
    world = World()
    token = world.token()
    world.delete(ACCOUNTS, "robot")
    world.reg.create(ACCOUNTS, "default", {"metadata": {"name": "robot"}}, OPTIONS)
    with pytest.raises(identity.UnknownTokenError, match="invalidated"):
        world.who.identify(token)


def test_a_token_of_a_pod_names_it_and_its_node_and_ends_with_it() -> None:
    world = World()
    spec = {"serviceAccountName": "robot", "nodeName": "n", "containers": [{"name": "a", "image": "b"}]}
    world.reg.create(schema.named("", "Node"), "", {"metadata": {"name": "n"}}, OPTIONS)
    world.reg.create(PODS, "default", {"metadata": {"name": "p"}, "spec": spec}, OPTIONS)
    token = world.token(boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"})
    extra = dict(world.who.identify(token)[0].extra)
    assert extra["authentication.kubernetes.io/pod-name"] == ("p",)
    assert extra["authentication.kubernetes.io/node-name"] == ("n",)
    world.delete(PODS, "p")
    with pytest.raises(identity.UnknownTokenError, match="invalidated"):
        world.who.identify(token)


def test_a_token_is_good_for_its_audiences_only() -> None:
    world = World()
    token = world.token(audiences=["vault", "other"])
    assert world.who.identify(token, ["vault"])[1] == ["vault"]
    with pytest.raises(identity.UnknownTokenError, match="token audiences"):
        world.who.identify(token)


@pytest.mark.parametrize(
    "change",
    [lambda token: token[:-2], lambda token: "", lambda token: token.rpartition(".")[0] + "."],
    ids=["cut off", "empty", "unsigned"],
)
def test_what_this_server_did_not_sign_is_nobodys(change: Any) -> None:
    world = World()
    with pytest.raises(identity.UnknownTokenError):
        world.who.identify(change(world.token()))
    with pytest.raises(identity.UnknownTokenError):
        World().who.identify(world.token())


def test_tokens_outlive_the_process_with_the_objects() -> None:
    world = World()
    assert World(world.reg.objects).who.identify(world.token())[0].name == NAME


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"expirationSeconds": 599}, 422),
        ({"expirationSeconds": 1 << 33}, 422),
        ({"boundObjectRef": {"kind": "Pod", "name": "absent"}}, 404),
        ({"boundObjectRef": {"kind": "ConfigMap", "name": "a"}}, 400),
    ],
    ids=["too short", "too long", "no such pod", "no such kind"],
)
def test_a_token_request_may_be_refused(spec: dict[str, Any], code: int) -> None:
    with pytest.raises(errors.ApiError) as raised:
        World().token(**spec)
    assert raised.value.code == code
