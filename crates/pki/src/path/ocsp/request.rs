//! Writing of `OCSPRequest` (RFC 6960 4.1.1): one certificate, unsigned, with or without a nonce. Sends nothing.

use musubi_crypto::DigestAlgorithm;

use super::nonce::Nonce;
use crate::path::certificate::PathCertificate;

const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// With what a request names the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertIdDigest {
    /// What every responder understands and RFC 5019 2.1.1 asks for. An identifier, no protection.
    Sha1,
    /// Not every responder understands it.
    Sha256,
}

/// A request for the status of `certificate`, whose issuer has the key of `issuer`. DER.
#[must_use]
pub fn request(
    certificate: &PathCertificate<'_>,
    issuer: &PathCertificate<'_>,
    digest: CertIdDigest,
    nonce: Option<Nonce<'_>>,
) -> Vec<u8> {
    let (algorithm, id) = match digest {
        CertIdDigest::Sha1 => (DigestAlgorithm::Sha1, crate::oid::SHA1),
        CertIdDigest::Sha256 => (DigestAlgorithm::Sha256, crate::oid::SHA256),
    };
    let cert_id = tlv(
        SEQUENCE,
        &[
            // With the NULL that every responder's table has.
            tlv(SEQUENCE, &[tlv(OBJECT_IDENTIFIER, &[id.as_bytes()]), vec![0x05, 0x00]]),
            tlv(OCTET_STRING, &[algorithm.digest(&[certificate.issuer])]),
            tlv(OCTET_STRING, &[algorithm.digest(&[issuer.key_bits])]),
            tlv(INTEGER, &[certificate.serial]),
        ],
    );
    let mut body = vec![tlv(SEQUENCE, &[tlv(SEQUENCE, &[cert_id])])];
    body.extend(nonce.map(|nonce| {
        let extension = tlv(
            SEQUENCE,
            &[
                tlv(OBJECT_IDENTIFIER, &[crate::oid::OCSP_NONCE.as_bytes()]),
                tlv(OCTET_STRING, &[tlv(OCTET_STRING, &[nonce.as_bytes()])]),
            ],
        );
        tlv(0xA2, &[tlv(SEQUENCE, &[extension])])
    }));
    tlv(SEQUENCE, &[tlv(SEQUENCE, &body)])
}

/// Tag, length and the joined content.
pub(super) fn tlv(tag: u8, parts: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.as_ref().len()).sum();
    let bytes = length.to_be_bytes();
    let significant = bytes.get(bytes.iter().take_while(|b| **b == 0).count()..).unwrap_or_default();
    let mut out = vec![tag];
    match significant {
        [] => out.push(0),
        [short @ ..=0x7F] => out.push(*short),
        long => {
            // At most eight octets of length.
            out.push(0x80 | long.len() as u8);
            out.extend_from_slice(long);
        }
    }
    for part in parts {
        out.extend_from_slice(part.as_ref());
    }
    out
}
