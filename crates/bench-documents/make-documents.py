"""Makes the documents that are measured, with other programs, on the hierarchy of the signature crate's fixtures:
raw and CMS with openssl, PAdES with pyHanko, XAdES with signxml. Usage: make-documents.py FOLDER [LARGE_MB]

With LARGE_MB also large.*: a CMS attached and detached, a PDF of one stream, an XML of texts of 1 MB, of that many 10^6 bytes.
"""
import asyncio
import io
import pathlib
import random
import subprocess
import sys

from asn1crypto import pem, x509
from asn1crypto.keys import PrivateKeyInfo
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko_certvalidator.registry import SimpleCertificateStore

PKI = pathlib.Path(__file__).parent / ".." / "signature" / "tests" / "fixtures" / "pki"
OUT = pathlib.Path(sys.argv[1])
LARGE = int(sys.argv[2]) if len(sys.argv) > 2 else 0


def words(length):
    """Text that does not repeat, the same in every run."""
    source = random.Random(3)
    block = "".join(source.choice("abcdefghijklmnopqrstuvwxyz0123456789 \n") for _ in range(1_000_000))
    return (block * (length // len(block) + 1))[:length].encode()


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def raw(content, signature):
    openssl("dgst", "-sha256", "-sign", PKI / "signer-rsa.key", "-out", OUT / signature, OUT / content)


def cms(content, out, *more):
    openssl("cms", "-sign", "-binary", "-cades", "-md", "sha256", "-outform", "DER", "-signer", PKI / "signer-rsa.pem",
            "-inkey", PKI / "signer-rsa.key", "-certfile", PKI / "intermediate.pem", "-in", OUT / content,
            "-out", OUT / out, *more)


def certificate(name):
    return x509.Certificate.load((PKI / f"{name}.der").read_bytes())


def page(stream):
    """A page whose content stream, not compressed, is this."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, body))
    table = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table))
    out.seek(0)
    return out


def pades(stream, out):
    signer = signers.SimpleSigner(
        signing_cert=certificate("signer-rsa"),
        signing_key=PrivateKeyInfo.load(pem.unarmor((PKI / "signer-rsa.key").read_bytes())[2]),
        cert_registry=SimpleCertificateStore.from_certs([certificate("intermediate")]),
    )
    metadata = signers.PdfSignatureMetadata(field_name="Signature1", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    with open(OUT / out, "wb") as file:
        writer = IncrementalPdfFileWriter(page(stream))
        asyncio.run(signers.PdfSigner(metadata, signer=signer).async_sign_pdf(writer, output=file))


def xml(length):
    """Records as an application form has them, or texts of 1 MB."""
    if length > 1_000_000:
        # libxml2 reads no text of more than 10 MB.
        text = b"<text>" + words(1_000_000).replace(b"\n", b" ") + b"</text>\n"
        return b"<form>" + text * (length // 1_000_000) + b"</form>"
    line = "<entry id='e%d'><name>\u9ed2\u6850 \u5e79\u4e5f</name><amount currency='JPY'>%d</amount><note>%s</note></entry>\n"
    text = words(40)
    lines, size, number = [], 0, 0
    while size < length:
        lines.append((line % (number, number * 100, text.decode().replace("\n", " "))).encode())
        size, number = size + len(lines[-1]), number + 1
    return b"<form>\n" + b"".join(lines) + b"</form>"


def xades(document, out):
    from lxml import etree
    import signxml
    import signxml.xades

    root = etree.fromstring(document, etree.XMLParser(huge_tree=True))
    signer = signxml.xades.XAdESSigner(method=signxml.methods.enveloped, signature_algorithm="rsa-sha256",
                                       digest_algorithm="sha256", c14n_algorithm=signxml.CanonicalizationMethod.CANONICAL_XML_1_0)
    chain = [(PKI / f"{name}.pem").read_text() for name in ("signer-rsa", "intermediate")]
    signed = signer.sign(root, key=(PKI / "signer-rsa.key").read_bytes(), cert="".join(chain))
    (OUT / out).write_bytes(etree.tostring(signed))


OUT.mkdir(parents=True, exist_ok=True)
(OUT / "content.txt").write_bytes(words(100_000))
(OUT / "small.txt").write_bytes(words(1_200))
raw("content.txt", "content.sig")
raw("small.txt", "small.sig")
cms("content.txt", "cms.p7", "-nodetach")
pades(words(100_000), "pades.pdf")
xades(xml(100_000), "xades.xml")
if LARGE:
    (OUT / "large.bin").write_bytes(words(LARGE * 1_000_000))
    cms("large.bin", "large-detached.p7")
    cms("large.bin", "large-attached.p7", "-nodetach")
    pades(words(LARGE * 1_000_000), "large.pdf")
    xades(xml(LARGE * 1_000_000), "large.xml")
