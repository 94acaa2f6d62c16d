"""Documents signed by signxml: python by_signxml.py FIXTURES OUT."""

import pathlib
import sys

import signxml
import signxml.xades
from cryptography import x509
from lxml import etree

FIXTURES, OUT = map(pathlib.Path, sys.argv[1:3])
PKI = FIXTURES / "pki"
CONTENT = b'<Application xmlns="urn:example:application" Id="root"><Name kind="a">Hanako</Name><Amount>1000</Amount></Application>'


def sign(out, signer, name="signer-rsa"):
    certificates = [x509.load_pem_x509_certificate((PKI / f"{n}.pem").read_bytes()) for n in (name, "intermediate")]
    signed = signer.sign(etree.fromstring(CONTENT), key=(PKI / f"{name}.key").read_bytes(), cert=certificates)
    (OUT / f"{out}.xml").write_bytes(etree.tostring(signed))


c14n, methods = signxml.CanonicalizationMethod, signxml.methods
sign("enveloped", signxml.XMLSigner())
sign("exclusive", signxml.XMLSigner(c14n_algorithm=c14n.EXCLUSIVE_XML_CANONICALIZATION_1_0))
sign("pss", signxml.XMLSigner(signature_algorithm=signxml.SignatureMethod.SHA256_RSA_MGF1))
sign("p256", signxml.XMLSigner(signature_algorithm="ecdsa-sha256"), "signer-p256")
sign("xades", signxml.xades.XAdESSigner(c14n_algorithm=c14n.CANONICAL_XML_1_0))
sign("revoked", signxml.XMLSigner(), "signer-revoked")
