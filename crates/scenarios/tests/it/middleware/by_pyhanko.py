"""A PDF signed by pyHanko with a card behind PKCS#11: python by_pyhanko.py MODULE PASSWORD PLAIN OUT."""

import io
import pathlib
import sys

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session

MODULE, PASSWORD, PLAIN, OUT = sys.argv[1:5]

# The second token of the card is the one of the digital-signature key.
with open_pkcs11_session(MODULE, slot_no=1, user_pin=PASSWORD) as session:
    signer = PKCS11Signer(session, key_id=b"\x02", cert_id=b"\x02")
    settings = signers.PdfSignatureMetadata(
        field_name="Signature1", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pathlib.Path(PLAIN).read_bytes()))
    signed = io.BytesIO()
    signers.PdfSigner(settings, signer=signer).sign_pdf(writer, output=signed)
pathlib.Path(OUT).write_bytes(signed.getvalue())
