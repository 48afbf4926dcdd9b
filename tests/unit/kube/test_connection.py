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
    user = {"tokenFile": "token", "token": "the file goes before it"}
    path = kubeconfig(tmp_path, user, **{"certificate-authority": "ca.pem"})
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


NO_KUBECONFIG = "; a kubeconfig has `kind: Config`, as what `kubectl config view --raw` prints"
CONTEXT = "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
CLUSTER = 'clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "there is no such file"),
        ("", "it is empty" + NO_KUBECONFIG),
        ("just text", "it has no fields" + NO_KUBECONFIG),
        ("[1]", "it has no fields" + NO_KUBECONFIG),
        ("kind: Deployment", "its kind is Deployment" + NO_KUBECONFIG),
        ("\udcff", "it is no text" + NO_KUBECONFIG),
        (
            "a: 1\nb: [",
            "it is no YAML: line 2, column 5: expected the node content, but found '<stream end>'",
        ),
        ("\0", "it is no YAML: unacceptable character #x0000: special characters are not allowed"),
        (
            "apiVersion: v1\nkind: Config\n",
            "it has no current-context: `kubectl config use-context NAME` writes one",
        ),
        ("current-context: y\ncontexts: []\n", "there is no context y, nor any other"),
        (CONTEXT.replace("current-context: x", "current-context: y"), "there is no context y, only x"),
        ("contexts: {}\ncurrent-context: x\n", "there is no context x, nor any other"),
        ("contexts: text\ncurrent-context: x\n", "contexts is no list"),
        ("contexts: [{context: {}}]\n", "contexts[0] is not a name and a context"),
        (CONTEXT, "context x: there is no cluster c, nor any other"),
        (CONTEXT + CLUSTER, "context x: there is no user u, nor any other"),
        (CONTEXT + CLUSTER + "users: [{name: v}]\n", "context x: there is no user u, only v"),
        (
            "contexts: [{name: x, context: {}}]\ncurrent-context: x\n" + CLUSTER,
            "context x: there is no cluster (it names none), only c",
        ),
        (CONTEXT + "clusters: [{name: c}]\nusers: [{name: u}]\n", "cluster c has no server"),
    ],
    ids=[
        "absent",
        "empty",
        "text",
        "a list",
        "another kind",
        "binary",
        "no YAML",
        "no characters",
        "nothing in it",
        "no context",
        "another context",
        "contexts of another type",
        "contexts without a list",
        "context without a name",
        "no cluster",
        "no user",
        "another user",
        "context without a cluster",
        "no server",
    ],
)
async def test_a_broken_kubeconfig_is_one_sentence_with_its_name(
    tmp_path: Path, text: str | None, said: str
) -> None:
    path = tmp_path / "kubeconfig"
    if text is not None:
        path.write_text(text, errors="surrogateescape")
    assert await refusal(str(path)) == f"kubeconfig {path}: {said}"


async def refusal(path: str) -> str:
    with pytest.raises(errors.ConfigurationError) as caught:
        await connection.from_kubeconfig(path).access()
    return str(caught.value)


@pytest.mark.parametrize(
    ("user", "cluster", "said"),
    [
        ({}, {"certificate-authority-data": "A"}, "cluster c: certificate-authority-data is not base64"),
        ({}, {"certificate-authority-data": "Ä"}, "cluster c: certificate-authority-data is not base64"),
        (
            {"token": "t", "as": "somebody"},
            {},
            "user u has as: impersonation is not supported, give it credentials",
        ),
        (
            {},
            {"certificate-authority-data": "AAAA"},
            "the cluster's certificate authority is no certificate in PEM",
        ),
        (
            {},
            {"certificate-authority": "none"},
            "cluster c: certificate-authority FOLDER/none cannot be read: No such file or directory",
        ),
        (
            {"tokenFile": "none"},
            {},
            "user u: tokenFile FOLDER/none cannot be read: No such file or directory",
        ),
        (
            {"client-certificate-data": "AAAA", "client-key-data": "AAAA"},
            {},
            "the client's certificate and key are no pair in PEM",
        ),
        ({}, {"server": "https://"}, "server https:// is no address such as https://192.0.2.1:6443"),
        ({}, {"server": "ftp://a"}, "server ftp://a is no address such as https://192.0.2.1:6443"),
        ({}, {"server": "a:b"}, "server a:b is no address such as https://192.0.2.1:6443"),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}},
            {},
            "user u: its exec plugin has no command",
        ),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}},
            {},
            "the exec plugin no-such-plugin is not installed, or not on the PATH",
        ),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./none"}},
            {},
            "the exec plugin FOLDER/none is not installed, or not on the PATH",
        ),
        (
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "sh",
                    "args": ["-c", "printf 'log in\\nfirst\\n' >&2; exit 3"],
                }
            },
            {},
            "the exec plugin sh: process returned 3. log in first",
        ),
        (
            {
                "exec": {
                    "apiVersion": "client.authentication.k8s.io/v1",
                    "command": "echo",
                    "args": [
                        '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{}}'
                    ],
                }
            },
            {},
            "the exec plugin echo: it gave neither a token nor a certificate and its key",
        ),
    ],
    ids=[
        "authority not base64",
        "authority not ASCII",
        "impersonation",
        "authority no PEM",
        "no authority",
        "no token file",
        "certificate no PEM",
        "no host",
        "no HTTP",
        "no port",
        "plugin without a command",
        "no plugin",
        "no plugin beside it",
        "plugin fails",
        "plugin gives nothing",
    ],
)
async def test_what_a_kubeconfig_names_and_cannot_be_used_is_one_sentence_and_nothing_is_logged(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    user: dict[str, Any],
    cluster: dict[str, Any],
    said: str,
) -> None:
    path = kubeconfig(tmp_path, user, **cluster)
    assert await refusal(path) == f"kubeconfig {path}: {said}".replace("FOLDER", str(tmp_path))
    assert caplog.records == []


async def test_an_encrypted_key_is_not_asked_about(tmp_path: Path) -> None:
    certificate, key = certificates.Authority(tmp_path).issue("client", "/CN=admin")
    encrypted = tmp_path / "encrypted.pem"
    command = [
        "openssl",
        "pkey",
        "-in",
        str(key),
        "-aes256",
        "-passout",
        "pass:secret",
        "-out",
        str(encrypted),
    ]
    subprocess.run(command, check=True)
    path = kubeconfig(tmp_path, {"client-certificate": str(certificate), "client-key": str(encrypted)})
    assert await refusal(path) == f"kubeconfig {path}: the client's key is encrypted"


async def test_a_kubeconfig_that_may_not_be_read_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(path: Path) -> str:  # root, as whom tests may run, reads everything
        raise PermissionError(13, "Permission denied", str(path))

    path = kubeconfig(tmp_path, {})
    monkeypatch.setattr(Path, "read_text", forbidden)
    assert await refusal(path) == f"kubeconfig {path}: it cannot be read: Permission denied"


async def test_of_several_files_the_first_counts_and_paths_are_relative_to_their_own(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(name)
    first = kubeconfig(tmp_path / "one", {"token": "unused"}, server="http://one")
    second = kubeconfig(tmp_path / "two", {"tokenFile": "token"}, server="http://two")
    text = Path(first).read_text()
    Path(first).write_text(text.replace("name: u", "name: other").replace("current-context: main", ""))
    access = await connection.from_kubeconfig(
        os.pathsep.join([first, str(tmp_path / "none"), second])
    ).access()
    assert (access.server, access.authorization) == ("http://one", "Bearer two")


async def test_an_exec_plugin_with_a_slash_in_its_name_lies_beside_the_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = plugin(tmp_path)
    beside = tmp_path / "credential"
    beside.write_text(f'#!/bin/sh\nexec "{user["exec"]["command"]}" "$@"\n')
    beside.chmod(0o700)
    user["exec"]["command"] = "./credential"
    kubeconfig(tmp_path, user)
    monkeypatch.chdir(tmp_path)
    assert (await connection.from_kubeconfig("kubeconfig").access()).authorization == "Bearer token-1"


async def test_a_context_may_name_no_user(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text("contexts: [{name: x, context: {cluster: c}}]\ncurrent-context: x\n" + CLUSTER)
    access = await connection.from_kubeconfig(str(path)).access()
    assert (access.server, access.authorization) == ("https://127.0.0.1:1", None)


@pytest.mark.parametrize(
    ("server", "settings", "expected"),
    [
        ("https://other:1", {}, "https://other:1"),
        ("other:1", {}, "http://other:1"),
        ("other", {"insecure-skip-tls-verify": True}, "https://other"),
    ],
    ids=["with a scheme", "without one", "without one, secured"],
)
async def test_another_server_may_be_named(
    tmp_path: Path, server: str, settings: dict[str, Any], expected: str
) -> None:
    path = kubeconfig(tmp_path, {"token": "t"}, **settings)
    access = await connection.from_kubeconfig(path, server=server).access()
    assert (access.server, access.authorization) == (expected, "Bearer t")


async def test_a_server_without_a_kubeconfig_is_asked_by_nobody_in_particular() -> None:
    access = await connection.anonymous("other:1").access()
    assert (access.server, access.authorization, access.tls) == ("http://other:1", None, None)
    with pytest.raises(errors.ConfigurationError, match="server ftp://a b is no address"):
        await connection.anonymous("ftp://a b").access()


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
