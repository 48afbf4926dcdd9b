"""What the flags allow of TLS."""

import ssl

import pytest

from stowage.scheduler.https import tls


@pytest.mark.parametrize(
    ("minimum", "suites", "least", "older"),
    [
        ("", [], ssl.TLSVersion.TLSv1_2, None),
        ("VersionTLS10", [], ssl.TLSVersion.TLSv1_2, None),
        ("VersionTLS13", [], ssl.TLSVersion.TLSv1_3, None),
        (
            "",
            ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256"],
            ssl.TLSVersion.TLSv1_2,
            {"ECDHE-RSA-AES128-GCM-SHA256"},
        ),
        (
            "VersionTLS12",
            ["TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", "TLS_RSA_WITH_AES_256_CBC_SHA"],
            ssl.TLSVersion.TLSv1_2,
            {"ECDHE-ECDSA-CHACHA20-POLY1305", "AES256-SHA"},
        ),
        ("VersionTLS12", ["TLS_AES_128_GCM_SHA256"], ssl.TLSVersion.TLSv1_3, None),
    ],
    ids=["as it is", "older than there is", "newest", "one suite", "two suites", "suites of 1.3 alone"],
)
def test_a_context_is_held_to_it(
    minimum: str, suites: list[str], least: ssl.TLSVersion, older: set[str] | None
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    tls.restrict(context, minimum, suites)
    assert context.minimum_version == least
    if older is not None:
        found = {each["name"] for each in context.get_ciphers() if each["protocol"] != "TLSv1.3"}
        assert found == older


@pytest.mark.parametrize(
    ("minimum", "suite"),
    [
        ("1.2", ""),
        ("", "TLS_ECDHE_RSA_WITH_RC4_128_SHA"),
        ("", "ECDHE-RSA-AES128-SHA"),
        ("", "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"),
        ("", "BOGUS_WITH_AES_128_CBC_SHA"),
    ],
    ids=["version", "a suite that is broken", "OpenSSL's name", "an exchange that is not offered", "a typo"],
)
def test_what_is_none_is_refused_by_its_name(minimum: str, suite: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with pytest.raises(ValueError, match=minimum or suite):
        tls.restrict(context, minimum, [suite] if suite else [])
