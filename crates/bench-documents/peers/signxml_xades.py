"""Verifies one XML file again and again with signxml in one warm process: certificates to the root without revocation,
which signxml does not ask for, references, signature. Prints verifications per second.
Usage: signxml_xades.py FILE PKI SECONDS"""
import pathlib
import sys
import time

from signxml.xades import XAdESVerifier

FILE, ROOT, SECONDS = pathlib.Path(sys.argv[1]).read_bytes(), str(pathlib.Path(sys.argv[2]) / "root.pem"), float(sys.argv[3])


def verify():
    return XAdESVerifier().verify(FILE, ca_pem_file=ROOT, expect_references=3)


verify()
count, begun = 0, time.process_time()
while time.process_time() - begun < SECONDS:
    verify()
    count += 1
print("signxml_xades %.1f" % (count / (time.process_time() - begun)))
