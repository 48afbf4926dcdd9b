"""kubeconfig files, in-cluster credentials, exec plugins, TLS."""

import datetime
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import test_utils, web

from stowage.kube import connection, errors, resources
from tests.unit.kube import certificates, fakes


def kubeconfig(folder: Path, user: Mapping[str, Any], **cluster: Any) -> str:
    """A kubeconfig of one context in `folder`; its path."""
    text = yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443", **cluster}}],
            "users": [{"name": "u", "user": dict(user)}],
            "contexts": [
                {"name": "main", "context": {"cluster": "c", "user": "u"}},
                {"name": "other", "context": {"cluster": "c", "user": "u"}},
            ],
            "current-context": "main",
        }
    )
    path = folder / "kubeconfig"
    path.write_text(text)
    return str(path)


async def test_a_token_and_an_insecure_server(tmp_path: Path) -> None:
    path = kubeconfig(
        tmp_path, {"token": "t"}, **{"insecure-skip-tls-verify": True, "tls-server-name": "kube"}
    )
    access = await connection.from_kubeconfig(path).access()
    assert access.server == "https://127.0.0.1:6443"
    assert access.authorization == "Bearer t"
    assert access.server_hostname == "kube"
    assert access.tls is not None
    assert access.tls.verify_mode is ssl.CERT_NONE
    assert access.fresh_for is None


async def test_a_user_and_password(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"username": "u", "password": "p"})
    assert (await connection.from_kubeconfig(path, "other").access()).authorization == "Basic dTpw"


async def test_client_certificates_inline_reach_the_server_and_leave_no_key_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = certificates.Authority(tmp_path)
    certificate, key = authority.issue("client", "/O=system:masters/CN=admin")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    peers: list[object] = []

    async def handle(request: web.Request) -> web.Response:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peercert")["subject"])
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    server = test_utils.TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=authority.server())
    try:
        path = kubeconfig(
            tmp_path,
            {
                "client-certificate-data": certificates.inline(certificate),
                "client-key-data": certificates.inline(key),
            },
            **{
                "server": f"https://127.0.0.1:{server.port}",
                "certificate-authority-data": certificates.inline(authority.pem),
            },
        )
        async with fakes.make_client(connection.from_kubeconfig(path)) as client:
            await client.get(resources.NODES, "n")
    finally:
        await server.close()
    assert peers == [((("organizationName", "system:masters"),), (("commonName", "admin"),))]
    assert list(temporary.iterdir()) == []


async def test_the_context_survives_a_reading_that_changes_nothing(tmp_path: Path) -> None:
    authority = certificates.Authority(tmp_path)
    clock = fakes.Clock()
    token = tmp_path / "token"
    token.write_text("one\n")
    path = kubeconfig(tmp_path, {"tokenFile": "token"}, **{"certificate-authority": "ca.pem"})
    server = connection.from_kubeconfig(path, clock=clock)
    first = await server.access()
    token.write_text("two\n")
    assert await server.access() is first
    clock.time += connection.TOKEN_FILE_SECONDS
    second = await server.access()
    assert (first.authorization, second.authorization) == ("Bearer one", "Bearer two")
    assert first.tls is second.tls
    clock.time += connection.TOKEN_FILE_SECONDS
    authority.pem.write_bytes(certificates.Authority(tmp_path).pem.read_bytes())
    assert (await server.access()).tls is not first.tls


async def test_in_cluster_credentials_are_read_again_every_minute(tmp_path: Path) -> None:
    certificates.Authority(tmp_path).pem.rename(tmp_path / "ca.crt")
    (tmp_path / "token").write_text("one\n")
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    clock = fakes.Clock()
    server = connection.in_cluster(tmp_path, environment, clock)
    access = await server.access()
    assert (access.server, access.authorization) == ("https://[fd00::1]:443", "Bearer one")
    (tmp_path / "token").write_text("two\n")
    clock.time += 60
    assert (await server.access()).authorization == "Bearer two"
    (tmp_path / "token").unlink()
    clock.time += 60
    assert (await server.access()).authorization == "Bearer two", "what is at hand is kept"


PLUGIN = """
import json, pathlib, sys
runs = pathlib.Path(sys.argv[1])
count = len(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text("x" * count)
status = {"token": f"token-{count}"}
if len(sys.argv) > 2:
    status["expirationTimestamp"] = sys.argv[2]
version = "client.authentication.k8s.io/v1"
print(json.dumps({"apiVersion": version, "kind": "ExecCredential", "status": status}))
"""


def plugin(folder: Path, *arguments: str) -> dict[str, Any]:
    """A user whose credentials a script makes, another token each time."""
    script = folder / "plugin.py"
    script.write_text(PLUGIN)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": [str(script), str(folder / "runs"), *arguments],
            "interactiveMode": "Never",
        }
    }


async def test_an_exec_plugin_is_run_again_before_its_credential_expires(tmp_path: Path) -> None:
    clock = fakes.Clock()
    expiry = (fakes.WALL + datetime.timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    server = connection.from_kubeconfig(kubeconfig(tmp_path, plugin(tmp_path, expiry)), clock=clock)
    assert (await server.access()).authorization == "Bearer token-1"
    clock.time += 8 * 60
    assert (await server.access()).authorization == "Bearer token-1"
    clock.time += 60
    assert (await server.access()).authorization == "Bearer token-2"


async def test_an_exec_plugin_that_names_no_expiry_is_run_again_after_a_refusal_only(tmp_path: Path) -> None:
    clock = fakes.Clock()
    server = connection.from_kubeconfig(kubeconfig(tmp_path, plugin(tmp_path)), clock=clock)
    first = await server.access()
    clock.time += 24 * 3600
    assert await server.access() is first
    assert await server.renew(first)
    second = await server.access()
    assert second.authorization == "Bearer token-2"
    assert await server.renew(first), "somebody else has renewed it"
    assert not await server.renew(second), "a plugin is not run again at once"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such file"),
        ("", ""),
        ("{", ""),
        ("[1]", ""),
        ("current-context: x\ncontexts: []\nclusters: []\n", "Expected object with name x"),
    ],
    ids=["absent", "empty", "no YAML", "a list", "no context"],
)
async def test_a_broken_kubeconfig_is_one_sentence_with_its_name(
    tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text)
    with pytest.raises(errors.ConfigurationError) as caught:
        await connection.from_kubeconfig(str(path)).access()
    assert str(caught.value).startswith(f"kubeconfig {path}: ")
    assert "\n" not in str(caught.value)
    assert said in str(caught.value)


async def test_outside_a_cluster_there_are_no_in_cluster_credentials(tmp_path: Path) -> None:
    with pytest.raises(errors.ConfigurationError, match="in-cluster credentials: Service host/port"):
        await connection.in_cluster(tmp_path, {}).access()


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "127.0.0.1"}, None),
        ({}, None),
    ],
    ids=["proxy", "not for this host", "none"],
)
async def test_the_environment_names_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str | None
) -> None:
    for key in [key for key in os.environ if key.lower().endswith("_proxy")]:
        monkeypatch.delenv(key)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    access = await connection.from_kubeconfig(kubeconfig(tmp_path, {"token": "t"})).access()
    assert access.proxy == proxy


async def test_a_proxy_that_is_not_supported_is_refused(tmp_path: Path) -> None:
    path = kubeconfig(tmp_path, {"token": "t"}, **{"proxy-url": "socks5://localhost:1080"})
    with pytest.raises(errors.ConfigurationError, match="only http and https proxies"):
        await connection.from_kubeconfig(path).access()


IMPORTS = """
import json, sys
from stowage.kube import library
library.load()
light = [name for name in sys.modules if name.startswith("kubernetes_asyncio")]
import kubernetes_asyncio.client
library.load.cache_clear()
whole = library.load().configuration is kubernetes_asyncio.client.configuration
print(json.dumps([light, hasattr(kubernetes_asyncio.client, "CoreV1Api"), whole]))
"""


@pytest.mark.slow
def test_the_library_is_not_imported_whole_and_can_be_afterwards() -> None:
    shown = subprocess.run([sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True).stdout
    assert json.loads(shown) == [[], True, True]
