"""A certificate authority of the test's own, and a certificate for ``localhost``."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificates(NamedTuple):
    """Where the files are."""

    ca: Path
    certificate: Path
    key: Path


def _named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _made(subject, issuer, key, signer, *extensions):
    builder = (
        x509.CertificateBuilder()
        .subject_name(_named(subject))
        .issuer_name(_named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2100, 1, 1, tzinfo=UTC))
    )
    for extension in extensions:
        builder = builder.add_extension(
            extension, critical=isinstance(extension, x509.BasicConstraints)
        )
    return builder.sign(signer, hashes.SHA256())


def certificates(folder: Path) -> Certificates:
    """Make them in a folder."""
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca = _made(
        "test ca", "test ca", ca_key, ca_key, x509.BasicConstraints(ca=True, path_length=None)
    )
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    own = _made("localhost", "test ca", key, ca_key, x509.SubjectAlternativeName(names))
    found = Certificates(folder / "ca.pem", folder / "own.pem", folder / "own.key")
    pem = serialization.Encoding.PEM
    found.ca.write_bytes(ca.public_bytes(pem))
    found.certificate.write_bytes(own.public_bytes(pem))
    found.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    found.key.chmod(0o644)  # the broker of a test runs as another user
    return found
