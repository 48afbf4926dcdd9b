"""What kube-scheduler's flags allow of TLS, under Go's names, put to OpenSSL."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Final

VERSIONS: Final = {
    "VersionTLS10": ssl.TLSVersion.TLSv1_2,
    "VersionTLS11": ssl.TLSVersion.TLSv1_2,
    "VersionTLS12": ssl.TLSVersion.TLSv1_2,
    "VersionTLS13": ssl.TLSVersion.TLSv1_3,
}
"""What --tls-min-version takes; OpenSSL at its usual level of security has nothing older than 1.2."""

_NEWEST: Final = frozenset(
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
)
"""TLS 1.3's suites, which are always offered, as by Go."""
_EXCHANGES: Final = {"TLS_ECDHE_ECDSA": "ECDHE-ECDSA-", "TLS_ECDHE_RSA": "ECDHE-RSA-", "TLS_RSA": ""}
_CIPHERS: Final = {
    "3DES_EDE_CBC_SHA": "DES-CBC3-SHA",
    "AES_128_CBC_SHA": "AES128-SHA",
    "AES_128_CBC_SHA256": "AES128-SHA256",
    "AES_128_GCM_SHA256": "AES128-GCM-SHA256",
    "AES_256_CBC_SHA": "AES256-SHA",
    "AES_256_GCM_SHA384": "AES256-GCM-SHA384",
    "CHACHA20_POLY1305": "CHACHA20-POLY1305",
    "CHACHA20_POLY1305_SHA256": "CHACHA20-POLY1305",
    "RC4_128_SHA": "RC4-SHA",
}


def restrict(context: ssl.SSLContext, minimum: str, suites: Sequence[str]) -> None:
    """Holds a server's context to a least version and to cipher suites; empty: as it is. ValueError."""
    if minimum and minimum not in VERSIONS:
        raise ValueError(f"--tls-min-version: {minimum} is none of {', '.join(VERSIONS)}")
    if minimum:
        context.minimum_version = VERSIONS[minimum]
    older = [_offered(suite) for suite in suites if suite not in _NEWEST]
    if older:
        context.set_ciphers(":".join(older))
    elif suites:
        context.minimum_version = ssl.TLSVersion.TLSv1_3


def _offered(suite: str) -> str:
    """OpenSSL's name of a suite, which it has."""
    exchange, _, cipher = suite.partition("_WITH_")
    try:
        name = _EXCHANGES[exchange] + _CIPHERS[cipher]
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(name)
    except (KeyError, ssl.SSLError) as error:
        raise ValueError(f"--tls-cipher-suites: {suite} is unknown, or OpenSSL here lacks it") from error
    return name
