"""Keys, authorities and the certificates that they sign."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BACKDATED = timedelta(minutes=5)  # clocks differ
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def from_pem(cls, key: bytes, certificate: bytes) -> Pair:
        """Raises ValueError for what is no key on a curve, or no certificate."""
        found = serialization.load_pem_private_key(key, None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise ValueError("the key is not on an elliptic curve")
        return cls(found, x509.load_pem_x509_certificate(certificate))

    def key_pem(self) -> bytes:
        form, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, form, encryption)

    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def lasts(self, now: datetime, left: timedelta) -> bool:
        """Whether more than `left` remains of its time."""
        return self.certificate.not_valid_after_utc - now > left

    def signed(self, other: x509.Certificate) -> bool:
        """Whether `other` is of this authority."""
        return other.issuer == self.certificate.subject


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a certificate is made out to, and what for."""

    name: str
    hosts: tuple[str, ...]
    usages: tuple[x509.ObjectIdentifier, ...]
    """Of SERVER and CLIENT."""
    addresses: tuple[str, ...] = ()


def new_authority(title: str, life: timedelta, now: datetime | None = None) -> Pair:
    """An authority that signs itself; the instant in its name tells it from those before it."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(f"{title} {now:%Y-%m-%d %H:%M:%S.%f}")
    builder = _certificate(name, name, key, now, life)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(certificates=True), critical=True)
    return Pair(key, builder.sign(key, hashes.SHA256()))


def new_certificate(authority: Pair, subject: Subject, life: timedelta, now: datetime | None = None) -> Pair:
    """A certificate with a key of its own."""
    now = now or datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _certificate(_name(subject.name), authority.certificate.subject, key, now, life)
    names: Iterable[x509.GeneralName] = (
        *(x509.DNSName(host) for host in subject.hosts),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in subject.addresses),
    )
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(certificates=False), critical=True)
    builder = builder.add_extension(x509.ExtendedKeyUsage(subject.usages), critical=False)
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(signer, critical=False)
    return Pair(key, builder.sign(authority.key, hashes.SHA256()))


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    public = key.public_key()
    builder = x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number())
    builder = builder.not_valid_before(now - BACKDATED).not_valid_after(now + life)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)


def _usage(*, certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not certificates,
        key_cert_sign=certificates,
        crl_sign=certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
