"""The kubeconfig that trusts the server's certificate, and files that are nobody else's business."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import yaml


def kubeconfig(url: str, certificate_pem: bytes, token: str) -> str:
    """A kubeconfig with one context, `stowage`."""
    user = {"token": token} if token else {}
    authority = base64.b64encode(certificate_pem).decode()
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "stowage", "cluster": {"server": url, "certificate-authority-data": authority}}
            ],
            "users": [{"name": "admin", "user": user}],
            "contexts": [{"name": "stowage", "context": {"cluster": "stowage", "user": "admin"}}],
            "current-context": "stowage",
        }
    )


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read. OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
