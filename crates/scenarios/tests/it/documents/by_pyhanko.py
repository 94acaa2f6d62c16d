"""Documents signed by pyHanko: python by_pyhanko.py FIXTURES OUT."""

import asyncio
import datetime
import io
import pathlib
import sys

from asn1crypto import crl, ocsp, pem, x509
from asn1crypto.keys import PrivateKeyInfo
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

FIXTURES, OUT = map(pathlib.Path, sys.argv[1:3])
PKI = FIXTURES / "pki"
PLAIN = (FIXTURES / "pdf" / "unsigned.pdf").read_bytes()
CONTENT = b"A contract between two people, signed now.\n"


def certificate(name):
    return x509.Certificate.load((PKI / f"{name}.der").read_bytes())


def key(name):
    return PrivateKeyInfo.load(pem.unarmor((PKI / f"{name}.key").read_bytes())[2])


STORE = SimpleCertificateStore.from_certs([certificate("intermediate")])
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
STAMPER = DummyTimeStamper(certificate("tsa"), key("tsa"), certs_to_embed=STORE, fixed_dt=NOW)
CONTEXT = ValidationContext(
    trust_roots=[certificate("root")],
    other_certs=[certificate("intermediate")],
    crls=[crl.CertificateList.load((PKI / f"{name}.crl").read_bytes()) for name in ("root", "intermediate")],
    ocsps=[ocsp.OCSPResponse.load((PKI / "signer-rsa.ocsp").read_bytes())],
    allow_fetching=False,
    revocation_mode="soft-fail",
)


def signer(name, **more):
    return signers.SimpleSigner(certificate(name), key(name), STORE, **more)


def pdf(out, document, by, field="Signature1", stamper=None, digest="sha256", **metadata):
    metadata.setdefault("subfilter", SigSeedSubFilter.PADES)
    settings = signers.PdfSignatureMetadata(field_name=field, md_algorithm=digest, **metadata)
    to = io.BytesIO()
    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    asyncio.run(signers.PdfSigner(settings, signer=by, timestamper=stamper).async_sign_pdf(writer, output=to))
    (OUT / f"{out}.pdf").write_bytes(to.getvalue())
    return to.getvalue()


def cades(out, by, digest="sha256", stamper=None):
    signed = by.async_sign_general_data(CONTENT, digest, detached=False, use_cades=True, timestamper=stamper)
    (OUT / f"{out}.p7").write_bytes(asyncio.run(signed).dump(force=True))


first = pdf("pades-b", PLAIN, signer("signer-rsa"))
pdf("pades-two", first, signer("signer-p256"), "Signature2")
pdf("pades-ed25519", PLAIN, signer("signer-ed25519"), digest="sha512")
pdf("pades-pss", PLAIN, signer("signer-rsa", prefer_pss=True))
pdf("pades-t", PLAIN, signer("signer-p384"), stamper=STAMPER, digest="sha384")
long_term = dict(embed_validation_info=True, validation_context=CONTEXT)
pdf("pades-lta", PLAIN, signer("signer-rsa"), stamper=STAMPER, use_pades_lta=True, **long_term)
pdf("certified", PLAIN, signer("signer-rsa"), certify=True, docmdp_permissions=MDPPerm.NO_CHANGES)
pdf("plain-cms", PLAIN, signer("signer-rsa"), subfilter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED)
cades("cades-b", signer("signer-p256"))
cades("cades-pss", signer("signer-rsa", prefer_pss=True))
cades("cades-t", signer("signer-ed25519"), digest="sha512", stamper=STAMPER)
# Certificates out of their place: these must not pass.
pdf("revoked", PLAIN, signer("signer-revoked"))
pdf("by-authority-of-time", PLAIN, signer("tsa"))
