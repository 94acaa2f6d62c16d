//! OCSP responder (RFC 6960; nonces RFC 8954). Reads requests, writes responses; asks nobody: the caller
//! brings the states and the time.
//!
//! Our own design, since the real responder's profile is not public (facts §2.4): requests need no signature
//! and a signature on one is not looked at; CertIDs with SHA-1 or SHA-256; a delegated responder per
//! generation, named by its key; thisUpdate = producedAt = now, nextUpdate 15 minutes later.

use der::asn1::AnyRef;
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use musubi_crypto::{SignError, sha1_for_key_identifiers, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::RevocationReason;

use crate::authority::Generation;
use crate::der as write;
use crate::profile::{authority_name, extension, sha256_with_rsa};

/// Most CertIDs in one request.
const CERT_ID_LIMIT: usize = 32;
/// A response is fresh for so many seconds: the real data is said to change every 15 minutes.
const LIFETIME: i64 = 900;
const NONCE_LIMIT: usize = 32;

/// 1.3.6.1.5.5.7.48.1.1
const BASIC_RESPONSE: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 48, 1, 1];
/// 1.3.6.1.5.5.7.48.1.2
const NONCE: &[u8] = &[0x2B, 6, 1, 5, 5, 7, 48, 1, 2];
const SHA1: &[u8] = &[0x2B, 0x0E, 3, 2, 0x1A];
const SHA256: &[u8] = &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1];

/// `OCSPResponseStatus` of a response without content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ResponseStatus {
    /// 1: the request is not one.
    MalformedRequest = 1,
    /// 2: the responder is at fault.
    InternalError = 2,
    /// 6: no generation of this authority is asked for.
    Unauthorized = 6,
}

/// A response without content.
pub(crate) fn refusal(status: ResponseStatus) -> Vec<u8> {
    write::sequence(&[write::tlv(write::ENUMERATED, &[status as u8])])
}

/// The request is not DER of an `OCSPRequest`, or has more CertIDs or a longer nonce than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

impl From<der::Error> for Malformed {
    fn from(_: der::Error) -> Self {
        Self
    }
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) certificates: Vec<CertId<'a>>,
    /// The nonce extension's value, to be echoed.
    nonce: Option<&'a [u8]>,
}

/// One certificate that is asked for.
#[derive(Debug)]
pub(crate) struct CertId<'a> {
    /// The CertID as it came: the answer repeats it.
    raw: &'a [u8],
    hash: &'a [u8],
    name_hash: &'a [u8],
    key_hash: &'a [u8],
    /// Content octets of the serial number.
    serial: &'a [u8],
}

/// The answer for one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// Issued by this generation and not revoked.
    Good,
    /// Revoked.
    Revoked(UnixTime, RevocationReason),
    /// Not issued by this generation.
    Unknown,
}

impl CertId<'_> {
    /// Whether this generation is the issuer that is meant.
    pub(crate) fn names(&self, generation: &Generation) -> bool {
        let name = authority_name(generation.kind);
        let key = generation.key.public_key();
        match self.hash {
            SHA1 => {
                self.name_hash == sha1_for_key_identifiers(&name)
                    && self.key_hash == sha1_for_key_identifiers(key)
            }
            SHA256 => self.name_hash == sha256(&name) && self.key_hash == sha256(key),
            _ => false,
        }
    }

    /// The serial number, if it is one that this nation could have given.
    pub(crate) fn small_serial(&self) -> Option<u32> {
        let significant = self.serial.strip_prefix(&[0]).unwrap_or(self.serial);
        match significant.len() {
            1..=4 if self.serial.first().is_some_and(|top| top & 0x80 == 0) => {
                Some(significant.iter().fold(0, |n, byte| (n << 8) | u32::from(*byte)))
            }
            _ => None,
        }
    }
}

/// Reads an `OCSPRequest`.
pub(crate) fn parse(bytes: &[u8]) -> Result<Request<'_>, Malformed> {
    let mut request = only_sequence(bytes)?;
    let mut body = sequence(&mut request)?;
    if request.peek_byte() == Some(0xA0) {
        any(&mut request)?;
    }
    request.finish()?;
    for optional in [0xA0, 0xA1] {
        if body.peek_byte() == Some(optional) {
            any(&mut body)?;
        }
    }
    let mut list = sequence(&mut body)?;
    let mut certificates = Vec::new();
    while !list.is_finished() {
        if certificates.len() == CERT_ID_LIMIT {
            return Err(Malformed);
        }
        let mut single = sequence(&mut list)?;
        certificates.push(cert_id(single.tlv_bytes()?)?);
        if single.peek_byte() == Some(0xA0) {
            any(&mut single)?;
        }
        single.finish()?;
    }
    let nonce = if body.peek_byte() == Some(0xA2) { extensions(any(&mut body)?.value())? } else { None };
    body.finish()?;
    if certificates.is_empty() { Err(Malformed) } else { Ok(Request { certificates, nonce }) }
}

fn any<'a>(reader: &mut SliceReader<'a>) -> Result<AnyRef<'a>, Malformed> {
    Ok(AnyRef::decode(reader)?)
}

fn expect<'a>(reader: &mut SliceReader<'a>, tag: Tag) -> Result<&'a [u8], Malformed> {
    let element = any(reader)?;
    if element.tag() == tag { Ok(element.value()) } else { Err(Malformed) }
}

fn sequence<'a>(reader: &mut SliceReader<'a>) -> Result<SliceReader<'a>, Malformed> {
    Ok(SliceReader::new(expect(reader, Tag::Sequence)?)?)
}

fn only_sequence(bytes: &[u8]) -> Result<SliceReader<'_>, Malformed> {
    let mut outer = SliceReader::new(bytes)?;
    let inner = sequence(&mut outer)?;
    outer.finish()?;
    Ok(inner)
}

fn cert_id(raw: &[u8]) -> Result<CertId<'_>, Malformed> {
    let mut parts = only_sequence(raw)?;
    let mut algorithm = sequence(&mut parts)?;
    let hash = expect(&mut algorithm, Tag::ObjectIdentifier)?;
    let name_hash = expect(&mut parts, Tag::OctetString)?;
    let key_hash = expect(&mut parts, Tag::OctetString)?;
    let serial = expect(&mut parts, Tag::Integer)?;
    parts.finish()?;
    Ok(CertId { raw, hash, name_hash, key_hash, serial })
}

/// The nonce's extension value. A critical extension that is not understood makes the request unanswerable.
fn extensions(bytes: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let mut list = only_sequence(bytes)?;
    let mut nonce = None;
    while !list.is_finished() {
        let mut extension = sequence(&mut list)?;
        let oid = expect(&mut extension, Tag::ObjectIdentifier)?;
        let critical =
            extension.peek_byte() == Some(write::BOOLEAN) && expect(&mut extension, Tag::Boolean)? == [0xFF];
        let value = expect(&mut extension, Tag::OctetString)?;
        extension.finish()?;
        if oid == NONCE {
            let mut inner = SliceReader::new(value)?;
            let length = expect(&mut inner, Tag::OctetString)?.len();
            inner.finish()?;
            if length == 0 || length > NONCE_LIMIT || nonce.is_some() {
                return Err(Malformed);
            }
            nonce = Some(value);
        } else if critical {
            return Err(Malformed);
        }
    }
    Ok(nonce)
}

/// Writes the response of a generation; `states` in the order of the request's certificates.
pub(crate) fn respond(
    request: &Request<'_>,
    states: &[Status],
    generation: &Generation,
    now: UnixTime,
) -> Result<Vec<u8>, SignError> {
    let singles: Vec<Vec<u8>> =
        request.certificates.iter().zip(states).map(|(id, status)| single(id, *status, now)).collect();
    let by_key = write::context(2, &write::tlv(write::OCTET_STRING, generation.responder_key.key_id()));
    let mut parts = vec![by_key, write::generalized_time(now), write::sequence(&singles)];
    if let Some(nonce) = request.nonce {
        parts.push(write::context(1, &write::sequence(&[extension(NONCE, false, nonce)])));
    }
    let data = write::sequence(&parts);
    let signature = generation.responder_key.sign(&data)?;
    let basic = write::sequence(&[
        data,
        sha256_with_rsa(),
        write::bit_string(&signature),
        write::context(0, &write::sequence(&[&generation.responder_certificate])),
    ]);
    let bytes =
        write::sequence(&[write::tlv(write::OID, BASIC_RESPONSE), write::tlv(write::OCTET_STRING, &basic)]);
    Ok(write::sequence(&[write::tlv(write::ENUMERATED, &[0]), write::context(0, &bytes)]))
}

fn single(id: &CertId<'_>, status: Status, now: UnixTime) -> Vec<u8> {
    let status = match status {
        Status::Good => write::context_primitive(0, &[]),
        Status::Unknown => write::context_primitive(2, &[]),
        Status::Revoked(at, reason) => {
            let mut info = write::generalized_time(at);
            if reason != RevocationReason::Unspecified {
                info.extend(write::context(0, &write::tlv(write::ENUMERATED, &[reason.code()])));
            }
            write::context(1, &info)
        }
    };
    let next_update = write::context(0, &write::generalized_time(now.plus(LIFETIME)));
    write::sequence(&[id.raw.to_vec(), status, write::generalized_time(now), next_update])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(ids: usize, nonce: Option<usize>, critical: bool) -> Vec<u8> {
        let algorithm = write::sequence(&[write::tlv(write::OID, SHA1), vec![5, 0]]);
        let hash = write::tlv(write::OCTET_STRING, &[7; 20]);
        let id = write::sequence(&[algorithm, hash.clone(), hash, write::unsigned(&[0x1E, 0xE6, 0x07])]);
        let list = write::sequence(&vec![write::sequence(&[id]); ids]);
        let mut body = vec![list];
        if let Some(length) = nonce {
            let value = write::tlv(write::OCTET_STRING, &vec![1; length]);
            body.push(write::context(2, &write::sequence(&[extension(NONCE, critical, &value)])));
        }
        write::sequence(&[write::sequence(&body)])
    }

    #[test]
    fn requests_are_read_and_limits_hold() {
        let bytes = request(2, Some(16), false);
        let parsed = parse(&bytes).unwrap();
        assert_eq!(parsed.certificates.len(), 2);
        assert_eq!(parsed.certificates[0].small_serial(), Some(0x1E_E607));
        assert_eq!(parsed.nonce.map(<[u8]>::len), Some(18));
        assert!(parse(&request(CERT_ID_LIMIT, None, false)).is_ok());
        assert!(parse(&request(1, Some(32), true)).is_ok());
        for (what, bytes) in [
            ("no certificate", request(0, None, false)),
            ("too many certificates", request(CERT_ID_LIMIT + 1, None, false)),
            ("an empty nonce", request(1, Some(0), false)),
            ("a long nonce", request(1, Some(33), false)),
            ("nothing", Vec::new()),
            ("trailing bytes", [request(1, None, false), vec![0]].concat()),
        ] {
            assert_eq!(parse(&bytes).err(), Some(Malformed), "{what}");
        }
    }

    #[test]
    fn no_truncated_request_is_read_and_none_panics() {
        let bytes = request(2, Some(16), false);
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err(), "{length}");
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0xFF;
            let _ = parse(&changed);
        }
    }

    #[test]
    fn serial_numbers_that_the_nation_cannot_have_given_are_none() {
        let id =
            |serial: &'static [u8]| CertId { raw: &[], hash: SHA1, name_hash: &[], key_hash: &[], serial };
        assert_eq!(id(&[0, 0x80, 1]).small_serial(), Some(0x8001));
        assert_eq!(id(&[0xFF]).small_serial(), None, "negative");
        assert_eq!(id(&[1, 2, 3, 4, 5]).small_serial(), None);
        assert_eq!(id(&[]).small_serial(), None);
    }
}
