"""Validates one PDF again and again with pyHanko in one warm process: certificates to the root, both revocation lists,
signature, modifications. Prints validations per second. Usage: pyhanko_pades.py FILE PKI SECONDS"""
import asyncio
import datetime
import io
import pathlib
import sys
import time

from asn1crypto import crl, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

FILE, PKI, SECONDS = pathlib.Path(sys.argv[1]).read_bytes(), pathlib.Path(sys.argv[2]), float(sys.argv[3])
AT = datetime.datetime(2026, 12, 1, tzinfo=datetime.timezone.utc)


def read(name):
    return (PKI / name).read_bytes()


async def validate():
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(read("root.der"))],
        other_certs=[x509.Certificate.load(read("intermediate.der"))],
        crls=[crl.CertificateList.load(read(f"{name}.crl")) for name in ("root", "intermediate")],
        moment=AT,
        allow_fetching=False,
        revocation_mode="require",
    )
    signature = PdfFileReader(io.BytesIO(FILE)).embedded_signatures[0]
    return await async_validate_pdf_signature(signature, signer_validation_context=context)


async def main():
    for _ in range(3):
        status = await validate()
    assert status.bottom_line and status.coverage.name == "ENTIRE_FILE", status.pretty_print_details()
    count, begun = 0, time.process_time()
    while time.process_time() - begun < SECONDS:
        await validate()
        count += 1
    print("pyhanko_pades %.1f" % (count / (time.process_time() - begun)))


asyncio.run(main())
