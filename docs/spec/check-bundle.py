#!/usr/bin/env python3
"""An independent reader of bundles (docs/spec/bundle.md), written from the specification: the standard library and
`cryptography`. It checks everything but the judgement itself: encoding, the platform's signature, the audit record and
its inclusion, what each list and OCSP response says, the card's signature, the authority's signature over the
certificate, and that a list given beside the bundle leads to the commitment.

    python3 docs/spec/check-bundle.py FILE ROOTS_FOLDER [LIST.crl]
"""

import base64
import glob
import hashlib
import json
import os
import sys

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import Encoding, load_der_public_key
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

DIGESTS = {1: hashes.SHA256(), 2: hashes.SHA384(), 3: hashes.SHA512()}
REASONS = {
    None: 0, "unspecified": 0, "keyCompromise": 1, "cACompromise": 2, "affiliationChanged": 3, "superseded": 4,
    "cessationOfOperation": 5, "certificateHold": 6, "privilegeWithdrawn": 9, "aACompromise": 10,
}


class Refused(Exception):
    pass


def need(kept, what):
    if not kept:
        raise Refused(what)


def sha256(data):
    return hashlib.sha256(data).digest()


class Tagged:
    def __init__(self, tag, value):
        self.tag, self.value = tag, value


def item(data, at):
    """One CBOR item in its shortest form: (value, position after it)."""
    need(at < len(data), "cut off")
    major, info, at = data[at] >> 5, data[at] & 31, at + 1
    if major == 7:
        need(info in (20, 21), "a simple value that is neither false nor true")
        return info == 21, at
    if info < 24:
        number = info
    else:
        need(info <= 27, "an item without a length")
        size = 1 << (info - 24)
        need(at + size <= len(data), "cut off")
        number, at = int.from_bytes(data[at : at + size], "big"), at + size
        need(number >= (24 if size == 1 else 1 << (4 * size)), "a number that is not in its shortest form")
    if major == 0:
        return number, at
    if major == 1:
        return -1 - number, at
    if major in (2, 3):
        need(at + number <= len(data), "cut off")
        value = data[at : at + number]
        return (value if major == 2 else value.decode()), at + number
    if major == 4:
        items = []
        for _ in range(number):
            value, at = item(data, at)
            items.append(value)
        return items, at
    if major == 5:
        members, last = {}, None
        for _ in range(number):
            start = at
            key, at = item(data, at)
            need(last is None or data[start:at] > last, "keys out of order")
            last = data[start:at]
            members[key], at = item(data, at)
        return members, at
    value, at = item(data, at)
    return Tagged(number, value), at


def whole(data):
    value, at = item(data, 0)
    need(at == len(data), "bytes after the end")
    return value


def node(left, right):
    return sha256(b"\x01" + left + right)


def below(n):
    return 1 << ((n - 1).bit_length() - 1)


def hashes_of(data):
    need(len(data) % 32 == 0, "hashes of 32 bytes")
    return [data[at : at + 32] for at in range(0, len(data), 32)]


def inclusion(leaf, index, size, path):
    """The root (RFC 9162 2.1.3.2), recursively: the path is from below, so that it is used from its end."""
    if size == 1:
        need(not path, "an inclusion proof that is too long")
        return leaf
    need(path, "an inclusion proof that is too short")
    middle = below(size)
    if index < middle:
        return node(inclusion(leaf, index, middle, path[:-1]), path[-1])
    return node(path[-1], inclusion(leaf, index - middle, size - middle, path[:-1]))


def range_root(size, first, leaves, beside):
    beside, leaves, end = list(beside), list(leaves), first + len(leaves)
    need(leaves and end <= size, "entries outside of the list")

    def walk(start, stop):
        if stop <= first or start >= end:
            need(beside, "a list proof that is too short")
            return beside.pop(0)
        if stop - start == 1:
            return leaves.pop(0)
        middle = start + below(stop - start)
        left = walk(start, middle)
        return node(left, walk(middle, stop))

    root = walk(0, size)
    need(not beside, "a list proof that is too long")
    return root


def leaf_hash(entries):
    records = [n.to_bytes(20, "big") + at.to_bytes(8, "big", signed=True) + bytes([why]) for n, at, why in entries]
    return sha256(b"\x00" + b"".join(records))


def leaves_of(entries, size):
    return [leaf_hash(entries[at : at + size]) for at in range(0, len(entries), size)]


def list_status(commitment, proof, serial):
    """`None`, or (time, reason)."""
    first, neighbours, beside = proof[0], proof[1], hashes_of(proof[2])
    size, root, per_leaf = commitment[7], commitment[8], commitment.get(9, 1)
    need(9 not in commitment or per_leaf == 16, "leaves of an unknown size")
    entries = [(int.from_bytes(s, "big"), at, reason) for s, at, reason in neighbours]
    if not entries:
        need(size == 0 and first == 0 and not beside and root == sha256(b""), "an empty proof of a list with entries")
        return None
    numbers, end = [entry[0] for entry in entries], first + len(entries)
    need(all(a < b for a, b in zip(numbers, numbers[1:])), "neighbours out of order")
    need(first % per_leaf == 0 and (end % per_leaf == 0 or end == size), "leaves that are not whole")
    leaves = leaves_of(entries, per_leaf)
    listed = [entry for entry in entries if entry[0] == serial]
    if len(leaves) == 1:
        below, above = numbers[0] < serial or first == 0, numbers[-1] > serial or end == size
        need(listed or (below and above), "a proof that says nothing of this certificate")
    else:
        need(len(leaves) == 2 and not listed, "a proof that says nothing of this certificate")
        need(numbers[per_leaf - 1] < serial < numbers[per_leaf], "a proof that says nothing of this certificate")
    found = range_root(-(-size // per_leaf), first // per_leaf, leaves, beside)
    need(found == root, "list proof: another root")
    return listed[0][1:] if listed else None


def mth(leaves):
    if not leaves:
        return sha256(b"")
    while len(leaves) > 1:
        pairs = [leaves[at : at + 2] for at in range(0, len(leaves), 2)]
        leaves = [node(*pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return leaves[0]


def check_list(der, commitment, issuer):
    crl = x509.load_der_x509_crl(der)
    need(crl.is_signature_valid(issuer.public_key()), "the list is not the authority's")
    need(sha256(der) == commitment[6], "another list")
    entries = []
    for revoked in crl:
        try:
            reason = revoked.extensions.get_extension_for_class(x509.CRLReason).value.reason.value
        except x509.ExtensionNotFound:
            reason = None
        at = int(revoked.revocation_date_utc.timestamp())
        entries.append((revoked.serial_number, at, REASONS[reason]))
    entries.sort()
    need(len(entries) == commitment[7], "another number of entries")
    need(mth(leaves_of(entries, commitment.get(9, 1))) == commitment[8], "another root")
    number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    need(number == commitment[3], "another number")
    need(int(crl.last_update_utc.timestamp()) == commitment[4], "another thisUpdate")
    need(int(crl.next_update_utc.timestamp()) == commitment[5], "another nextUpdate")


def verifies(key, signature, digests):
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digests[1], padding.PKCS1v15(), utils.Prehashed(DIGESTS[1]))
        else:
            code = {256: 1, 384: 2}[key.curve.key_size]
            key.verify(signature, digests[code], ec.ECDSA(utils.Prehashed(DIGESTS[code])))
        return True
    except InvalidSignature:
        return False


def presence(statement, certificate):
    """The enrolled card key, and the digest of the text that it should have signed."""
    origin, party, purpose, nonce, *key = statement
    named = base64.urlsafe_b64encode(sha256(certificate)).rstrip(b"=").decode()
    names = ("origin", "relying-party", "purpose", "nonce", "certificate")
    lines = [f"{name}: {value}" for name, value in zip(names, (origin, party, purpose, nonce, named))]
    text = "\n".join(["Musubi card presence 1", *lines, ""])
    return (load_der_public_key(key[0]) if key else None), {1: sha256(text.encode())}


def ocsp_status(der, serial, issuers):
    """What an OCSP response says of the certificate, signed by its issuer or a delegate of it."""
    answer = ocsp.load_der_ocsp_response(der)
    if answer.response_status != ocsp.OCSPResponseStatus.SUCCESSFUL or answer.serial_number != serial:
        return "says nothing"
    delegates = [c for c in answer.certificates if any(issued(c, root) for root in issuers) and for_ocsp(c)]
    for signer in [*issuers, *delegates]:
        try:
            key, digest = signer.public_key(), answer.signature_hash_algorithm
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), digest)
            else:
                key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(digest))
            by = "the root" if signer in issuers else "a delegate"
            return f"{answer.certificate_status.name.lower()}, signed by {by}"
        except InvalidSignature:
            continue
    return "says nothing"


def for_ocsp(certificate):
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        certificate.extensions.get_extension_for_class(x509.OCSPNoCheck)
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def main(path, folder, crl=None):
    roots = [x509.load_der_x509_certificate(open(name, "rb").read()) for name in glob.glob(f"{folder}/*.der")]
    platform = bytes.fromhex(open(os.path.join(folder, "platform-key.hex")).read().strip())
    data = open(path, "rb").read()
    name, version, content, audit, key_id, signature = whole(data)
    need((name, version) == ("musubi.bundle", 1), "another format")
    need(key_id == sha256(platform)[:8], "another platform")
    ed25519.Ed25519PublicKey.from_public_bytes(platform).verify(signature, data[:-66])
    record, index, size, root, path_hashes = audit
    need(index < size, "outside of the log")
    need(inclusion(sha256(b"\x00" + record), index, size, hashes_of(path_hashes)) == root, "not in the log")
    read = json.loads(record)
    plain = json.dumps(read, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    need(plain.encode() == record, "the record is not canonical JSON")
    detail = read["detail"]
    need(detail["bundle"] == sha256(content).hex(), "the record is of another verdict")
    content = whole(content)
    need(content[2] == 1 and content[3] in ("jpki", "jpki.presence"), "another judgement or kind")
    evidence, verdict = content[4], content[8]
    indication = ["TOTAL-PASSED", "TOTAL-FAILED", "INDETERMINATE"][verdict[1]]
    need(detail["indication"] == indication, "the record has another indication")
    certificate = x509.load_der_x509_certificate(evidence[1])
    issuers = [r for r in roots if r.subject == certificate.issuer and issued(certificate, r)]
    print(f"verdict      {indication} {verdict.get(2, '')} {verdict.get(3, '')}")
    print(f"audit        record {index} of {size}, root {root.hex()}")
    print(f"certificate  {'signed by a trusted root' if issuers else 'signed by no root given'}")
    if content[3] == "jpki":
        key, digests, word = certificate.public_key(), evidence[4], "signature   "
    else:
        need(evidence[2] == 2 and evidence[4] == {}, "a presence of another form")
        key, digests, word = *presence(evidence[8], evidence[1]), "card present"
    right = key is not None and verifies(key, evidence[3], digests)
    print(f"{word} {'verifies' if right else 'does not verify'}")
    for commitment, proof in evidence[6]:
        status = list_status(commitment, proof, certificate.serial_number)
        issuer = [r for r in roots if sha256(r.public_bytes(Encoding.DER))[:8] == commitment[1]]
        need(issuer, "a list of no trusted authority")
        if crl:
            check_list(open(crl, "rb").read(), commitment, issuer[0])
        word = "listed" if status else "not listed"
        print(f"list {commitment[3]}     {word}, {commitment[7]} entries{', follows from the list' if crl else ''}")
    for response in evidence.get(9, []):
        print(f"ocsp         {ocsp_status(response, certificate.serial_number, issuers)}")
    for rule in content[7]:
        print(f"rule         {rule[0]}: {['passed', 'failed', 'inconclusive', 'skipped'][rule[1]]} (platform's word)")


def issued(certificate, root):
    try:
        certificate.verify_directly_issued_by(root)
        return True
    except (ValueError, TypeError, InvalidSignature):
        return False


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (Refused, InvalidSignature, KeyError, IndexError, ValueError) as refused:
        sys.exit(f"refused: {str(refused) or type(refused).__name__}")
