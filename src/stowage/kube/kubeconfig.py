"""Which cluster and which user a kubeconfig means, and whether it is one at all.

What is wrong with it is a ValueError of one sentence, before a library stumbles over it. Several files are
merged as client-go merges them: of each name, and of `current-context`, the first counts; relative paths are
relative to the file that they stand in. Of the certificates only the form is looked at here.
"""

import base64
import dataclasses
import os
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_KINDS = {"contexts": "context", "clusters": "cluster", "users": "user"}
_CLUSTER_FILES = {"certificate-authority": "certificate-authority-data"}
_USER_FILES = {"client-certificate": "client-certificate-data", "client-key": "client-key-data"}
"""What names a file -> what holds its content instead, and goes first. For tokens the file does."""

_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")


@dataclasses.dataclass(frozen=True, slots=True)
class Meant:
    """A context's cluster and user, with absolute paths. ``command``: its exec plugin's, or empty."""

    cluster: dict[str, Any]
    user: dict[str, Any]

    @property
    def command(self) -> str:
        plugin = self.user.get("exec")
        return str(plugin["command"]) if plugin else ""

    def document(self) -> dict[str, Any]:
        """A kubeconfig of this and nothing else."""
        return {
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": self.cluster}],
            "users": [{"name": "it", "user": self.user}],
            "current-context": "it",
        }


def read(paths: str, context: str | None = None, server: str = "") -> Meant:
    """What a kubeconfig means by a context, by default its current one; ``server`` goes before the cluster's
    own. ``paths``: one, or several as in $KUBECONFIG, of which some may be missing. ValueError."""
    files = [Path(part).expanduser() for part in paths.split(os.pathsep) if part]
    documents = [(file.absolute().parent, _document(file)) for file in files if file.exists()]
    if not documents:
        raise ValueError("there is no such file")
    merged: dict[str, dict[str, tuple[Path, dict[str, Any]]]] = {kind: {} for kind in _KINDS}
    for folder, document in documents:
        for kind, known in merged.items():
            for name, value in _entries(document, kind):
                known.setdefault(name, (folder, value))
    current = (
        str(document["current-context"]) for _, document in documents if document.get("current-context")
    )
    name = context or next(current, "")
    if not name:
        raise ValueError("it has no current-context: `kubectl config use-context NAME` writes one")
    _, chosen = _named(merged["contexts"], "context", name)
    asked, who = str(chosen.get("cluster") or ""), str(chosen.get("user") or "")
    folder, cluster = _named(merged["clusters"], "cluster", asked, f"context {name}: ")
    cluster = _local(cluster, folder, _CLUSTER_FILES, f"cluster {asked}")
    folder, user = _named(merged["users"], "user", who, f"context {name}: ") if who else (folder, {})
    user = _local(_with_plugin(user, folder, who), folder, _USER_FILES, f"user {who}")
    if acting := [key for key in _IMPERSONATION if key in user]:
        raise ValueError(f"user {who} has {acting[0]}: impersonation is not supported, give it credentials")
    given = server or str(cluster.get("server") or "")
    if not given:
        raise ValueError(f"cluster {asked} has no server")
    secured = bool(cluster.get("insecure-skip-tls-verify")) or any(
        key.startswith(("certificate-authority", "client-certificate")) for key in (*cluster, *user)
    )
    return Meant(cluster | {"server": url(given, secured)}, user)


def url(server: str, secured: bool = False) -> str:
    """A server's URL. Without a scheme it is HTTPS where it is ``secured``, as for client-go. ValueError."""
    found = server if "://" in server else f"{'https' if secured else 'http'}://{server}"
    try:
        parts = urllib.parse.urlsplit(found)
        if parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port):
            return found
    except ValueError:
        pass
    raise ValueError(f"server {server} is no address such as https://192.0.2.1:6443")


def _document(file: Path) -> Mapping[str, Any]:
    try:
        found = yaml.safe_load(file.read_text())
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(_no_kubeconfig("it is no text")) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ValueError(f"it is no YAML: {place}{problem}") from error
    if found is None:
        raise ValueError(_no_kubeconfig("it is empty"))
    if not isinstance(found, dict):
        raise ValueError(_no_kubeconfig("it has no fields"))
    if found.get("kind") not in (None, "", "Config"):
        raise ValueError(_no_kubeconfig(f"its kind is {found['kind']}"))
    return found


def _no_kubeconfig(what: str) -> str:
    return f"{what}; a kubeconfig has `kind: Config`, as what `kubectl config view --raw` prints"


def _entries(document: Mapping[str, Any], kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Name and value of each context, cluster or user."""
    found = document.get(kind) or []
    if not isinstance(found, list):
        raise ValueError(f"{kind} is no list")
    entries = []
    for number, entry in enumerate(found):
        value = (entry.get(_KINDS[kind]) or {}) if isinstance(entry, dict) else None
        if not isinstance(value, dict) or not entry.get("name"):
            raise ValueError(f"{kind}[{number}] is not a name and a {_KINDS[kind]}")
        entries.append((str(entry["name"]), value))
    return entries


def _named(
    known: Mapping[str, tuple[Path, dict[str, Any]]], what: str, name: str, where: str = ""
) -> tuple[Path, dict[str, Any]]:
    if name in known:
        return known[name]
    others = f"only {', '.join(known)}" if known else "nor any other"
    raise ValueError(f"{where}there is no {what} {name or '(it names none)'}, {others}")


def _with_plugin(user: dict[str, Any], folder: Path, name: str) -> dict[str, Any]:
    """The user, an exec plugin's command with a slash in it being a path."""
    plugin = user.get("exec")
    if not plugin:
        return {key: value for key, value in user.items() if key != "exec"}
    command = plugin.get("command") if isinstance(plugin, dict) else None
    if not command or not isinstance(command, str):
        raise ValueError(f"user {name}: its exec plugin has no command")
    return user | {"exec": plugin | {"command": str(folder / command) if "/" in command else command}}


def _local(entry: dict[str, Any], folder: Path, files: Mapping[str, str], what: str) -> dict[str, Any]:
    """The entry with absolute paths; its files are there, and what should be base64 is."""
    entry = {key: value for key, value in entry.items() if value not in (None, "")}
    for key, inline in files.items():
        if inline in entry:
            try:
                base64.b64decode("".join(str(entry[inline]).split()), validate=True)
            except ValueError as error:
                raise ValueError(f"{what}: {inline} is not base64") from error
        elif key in entry:
            entry[key] = _readable(folder / str(entry[key]), f"{what}: {key}")
    if "tokenFile" in entry:
        entry.pop("token", None)
        entry["tokenFile"] = _readable(folder / str(entry["tokenFile"]), f"{what}: tokenFile")
    return entry


def _readable(path: Path, what: str) -> str:
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"{what} {path} cannot be read: {error.strerror}") from error
    return str(path)
