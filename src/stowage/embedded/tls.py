"""A certificate of the server's own, made anew for each data directory, and the kubeconfig that trusts it."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import os
from pathlib import Path
from typing import Final

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

_DAYS: Final = 3650


def certificate(host: str) -> tuple[bytes, bytes]:
    """A key and a self-signed certificate for loopback and `host`, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "stowage")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = {ipaddress.ip_address(text) for text in ("127.0.0.1", "::1")}
    names: list[x509.GeneralName] = [x509.DNSName("localhost")]
    try:
        addresses.add(ipaddress.ip_address(host))
    except ValueError:
        names.append(x509.DNSName(host))
    names += [x509.IPAddress(address) for address in sorted(addresses, key=str)]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, made.public_bytes(serialization.Encoding.PEM)


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
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(content)
