"""Certificates for servers of tests: an authority of the test's own, and one certificate by it."""

import secrets
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Certificate(NamedTuple):
    ca_file: Path
    context: ssl.SSLContext
    """For the server."""


def certificate(folder: Path, host: str = "127.0.0.1") -> Certificate:
    """For a server at this address or of this name. Nobody but who is given `ca_file` trusts it."""
    now = datetime.now(UTC)
    # One of its own: authorities of one name are taken for one another where several are trusted.
    common_name = f"A test's authority {secrets.token_hex(8)}"
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    authority, key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )

    def made(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(name)
        builder = builder.public_key(public).serial_number(x509.random_serial_number())
        return builder.not_valid_before(now - timedelta(days=1)).not_valid_after(
            now + timedelta(days=1)
        )

    root = made(name, authority.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=None), critical=True
    )
    leaf = made(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key.public_key()
    ).add_extension(x509.SubjectAlternativeName([_general_name(host)]), critical=False)
    ca_file = folder / "ca.pem"
    ca_file.write_bytes(_pem(root.sign(authority, hashes.SHA256())))
    chain = folder / "server.pem"
    chain.write_bytes(
        _pem(leaf.sign(authority, hashes.SHA256()))
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    return Certificate(ca_file, context)


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(signed: x509.Certificate) -> bytes:
    return signed.public_bytes(serialization.Encoding.PEM)
