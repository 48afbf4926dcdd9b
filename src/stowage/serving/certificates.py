"""Certificates of a server: one of its own making, or files that somebody replaces while it runs."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import logging
import ssl
import tempfile
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

logger = logging.getLogger(__name__)

_DAYS: Final = 3650

LOOK_AGAIN: Final = 60.0
"""Seconds between two looks at whether the files were replaced."""


class CertificateError(ValueError):
    """A certificate or key that cannot be used; one sentence says why."""


def self_signed(host: str) -> tuple[bytes, bytes]:
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


def context(key: bytes, certificate: bytes) -> ssl.SSLContext:
    """A server's context with what `self_signed` made; nothing of it stays on the disk."""
    with tempfile.NamedTemporaryFile(prefix="stowage-", suffix=".pem") as file:  # readable by us only
        file.write(key + certificate)
        file.flush()
        return _context(Path(file.name), Path(file.name))


def trusting(certificate: bytes) -> ssl.SSLContext:
    """A client's context that trusts one certificate, PEM, and nothing else."""
    context = ssl.create_default_context(cadata=certificate.decode())
    # To RFC 5280's letter, Python's default from 3.13 on, ours lacks what only an authority needs.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


class Files:
    """A certificate and its key in files, with a context that follows them. CertificateError."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._certificate, self._key = certificate, key
        self._seen = self._contents()
        self.context = _context(certificate, key)

    async def follow(self) -> None:
        """Takes replaced files for new connections; a pair that does not fit is waited out."""
        while True:
            await asyncio.sleep(LOOK_AGAIN)
            self.look()

    def look(self) -> None:
        """Reads the files again where they have changed."""
        try:
            contents = self._contents()
            if contents != self._seen:
                _context(self._certificate, self._key)  # half of a pair would break the one in use
                self.context.load_cert_chain(self._certificate, self._key)
                self._seen = contents
                logger.info("Certificate read again", extra={"file": str(self._certificate)})
        except CertificateError as error:
            logger.warning("Certificate not read again", extra={"error": str(error)})

    def _contents(self) -> tuple[bytes, ...]:
        try:
            return tuple(path.read_bytes() for path in (self._certificate, self._key))
        except OSError as error:
            raise CertificateError(f"{error.filename}: {error.strerror}") from error


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise CertificateError(f"{certificate} and {key} are no certificate and its key: {error}") from error
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")
