"""A certificate authority for a test: openssl's command line, in a folder of the test's."""

import base64
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest


class Authority:
    """Issues certificates; `pem` is the path of its own."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("openssl") is None:
            pytest.skip("openssl is not installed")
        self._folder = folder
        self.pem = folder / "ca.pem"
        self._openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca",
            f"-keyout {folder}/ca.key -out {self.pem}",
        )

    def issue(self, name: str, subject: str) -> tuple[Path, Path]:
        """A certificate for `subject` (as in /O=group/CN=user), good for 127.0.0.1, and its key."""
        certificate, key = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        request = self._folder / f"{name}.csr"
        extension = self._folder / f"{name}.ext"
        extension.write_text("subjectAltName=IP:127.0.0.1\n")
        self._openssl(
            f"req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj {subject}",
            f"-keyout {key} -out {request}",
        )
        self._openssl(
            f"x509 -req -in {request} -CA {self.pem} -CAkey {self._folder}/ca.key -CAcreateserial",
            f"-days 2 -extfile {extension} -out {certificate}",
        )
        return certificate, key

    def server(self) -> ssl.SSLContext:
        """The TLS side of a server that demands a certificate of this authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(self.pem))
        context.load_cert_chain(*self.issue("server", "/CN=server"))
        context.verify_mode = ssl.CERT_REQUIRED
        # From Python 3.13 on it would demand of clients what those issued here, as many a cluster's, lack.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context

    def _openssl(self, *command: str) -> None:
        subprocess.run(["openssl", *" ".join(command).split()], check=True, capture_output=True)


def inline(path: Path) -> str:
    """A file as kubeconfigs carry it."""
    return base64.b64encode(path.read_bytes()).decode()
