"""Certificates: one of our own making, and files that are replaced while a server runs."""

import logging
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from stowage.serving import certificates


def write(folder: Path, host: str) -> tuple[Path, Path]:
    key, certificate = certificates.self_signed(host)
    paths = folder / "tls.crt", folder / "tls.key"
    paths[0].write_bytes(certificate)
    paths[1].write_bytes(key)
    return paths


def encrypted(key: bytes) -> bytes:
    return serialization.load_pem_private_key(key, None).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"a password"),
    )


def test_the_certificate_of_our_own_is_for_loopback_and_the_host() -> None:
    _, certificate = certificates.self_signed("scheduler.example")
    names = x509.load_pem_x509_certificate(certificate).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert names.value.get_values_for_type(x509.DNSName) == ["localhost", "scheduler.example"]
    addresses = [str(each) for each in names.value.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1"]


def test_a_replaced_certificate_is_taken_and_half_of_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "stowage")
    certificate, key = write(tmp_path, "a.example")
    files = certificates.Files(certificate, key)
    _, other = certificates.self_signed("b.example")
    certificate.write_bytes(other)  # of another key
    files.look()
    assert [record.message for record in caplog.records] == ["Certificate not read again"]
    write(tmp_path, "b.example")
    files.look()
    assert caplog.records[-1].message == "Certificate read again"
    files.look()
    assert len(caplog.records) == 2


@pytest.mark.parametrize("broken", ["missing", "text", "encrypted"])
def test_what_is_no_certificate_is_one_sentence(tmp_path: Path, broken: str) -> None:
    certificate, key = write(tmp_path, "a.example")
    if broken == "missing":
        key.unlink()
    else:
        key.write_bytes(b"no key" if broken == "text" else encrypted(key.read_bytes()))
    with pytest.raises(certificates.CertificateError) as caught:
        certificates.Files(certificate, key)
    assert str(key) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_context_of_our_own_certificate_serves_tls() -> None:
    context = certificates.context(*certificates.self_signed("127.0.0.1"))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.get_ca_certs() == []
