//! Reading of `OCSPResponse` and `BasicOCSPResponse` (RFC 6960 4.2.1). Verifies nothing: until its signature has been
//! verified, a response says what anybody wanted it to say.

use const_oid::ObjectIdentifier;
use der::Tag;
use der::asn1::GeneralizedTime;
use musubi_crypto::{DigestAlgorithm, Sha256Digest, SignatureAlgorithm, sha256};
use musubi_kernel::UnixTime;

use crate::asn1::{self, Element, Elements, Malformed, constructed, primitive, whole};
use crate::key::RevocationReason;
use crate::oid;
use crate::path::certificate::PathCertificate;
use crate::path::status::{Unusable, Window};

/// The largest response that is read, in bytes. One answer with a delegate's certificate has about 2 KiB.
pub const MAX_RESPONSE_BYTES: usize = 128 * 1024;
/// The most answers that are read from one response. RFC 5019 2.1.1 asks for one.
pub const MAX_SINGLE_RESPONSES: usize = 256;
/// The most certificates that a response may carry. A delegate needs one.
pub const MAX_CERTIFICATES: usize = 8;

/// A parsed response of which nothing has been verified. Borrows from its DER.
#[derive(Clone)]
pub struct Response<'a> {
    /// SHA-256 of the bytes as they came, wrapped or bare.
    pub sha256: Sha256Digest,
    /// DER of the `ResponseData`: what the responder signed.
    pub tbs: &'a [u8],
    /// The responder's signature.
    pub signature: &'a [u8],
    /// With what it was signed, or the identifier of an algorithm that is not in the table. May be SHA-1.
    pub signature_algorithm: Result<SignatureAlgorithm, ObjectIdentifier>,
    /// Who says to have signed it.
    pub responder: Responder<'a>,
    /// When it was signed.
    pub produced_at: UnixTime,
    /// The answers, in order; never empty.
    pub answers: Vec<SingleResponse<'a>>,
    /// The nonce extension's value, unread.
    pub(super) nonce: Option<&'a [u8]>,
    /// Certificates that may help to verify it.
    pub certificates: Vec<PathCertificate<'a>>,
}

/// `ResponderID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Responder<'a> {
    /// `byName`: DER of the name.
    Name(&'a [u8]),
    /// `byKey`: SHA-1 of the content of the key's BIT STRING.
    KeyHash(&'a [u8]),
}

/// `CertID` (RFC 6960 4.1.1): names a certificate by its issuer and its serial number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CertId<'a> {
    /// `hashAlgorithm`, or its identifier if it is not in the table.
    pub digest: Result<DigestAlgorithm, ObjectIdentifier>,
    /// The hash of the DER of the issuer's name, as it stands in the certificate.
    pub issuer_name_hash: &'a [u8],
    /// The hash of the content of the issuer's key's BIT STRING.
    pub issuer_key_hash: &'a [u8],
    /// The content octets of the serial number's INTEGER.
    pub serial: &'a [u8],
}

/// `CertStatus`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertStatus {
    /// Not revoked; not more than that: it may never have been issued (RFC 6960 2.2).
    Good,
    /// Revoked or on hold.
    Revoked {
        /// `revocationTime`.
        at: UnixTime,
        /// `revocationReason`; [`RevocationReason::Unspecified`] if absent.
        reason: RevocationReason,
    },
    /// The responder does not know the certificate.
    Unknown,
}

/// `SingleResponse`: the answer for one certificate.
#[derive(Debug, Clone, Copy)]
pub struct SingleResponse<'a> {
    /// The certificate.
    pub id: CertId<'a>,
    /// Its status.
    pub status: CertStatus,
    /// When that was known to be right, and until when newer information is there.
    pub window: Window,
    /// `archiveCutoff` (RFC 6960 4.4.4): certificates that expired at this time or later are still answered for.
    pub archive_cutoff: Option<UnixTime>,
    /// Whether a critical extension is not understood.
    pub has_unknown_critical: bool,
}

impl<'a> Response<'a> {
    /// Reads all of `der`: an `OCSPResponse`, or a bare `BasicOCSPResponse` as signatures embed it (RFC 5940,
    /// EN 319 142-1 5.4.2.2).
    ///
    /// # Errors
    /// [`Unusable::SaysUnknown`] if its `responseStatus` is that of a failure, [`Unusable::UnknownCritical`] for a
    /// critical extension of the whole that is not understood or another type of response,
    /// [`Unusable::Malformed`] for all else, also for more than is read.
    pub fn parse(der: &'a [u8]) -> Result<Self, Unusable> {
        if der.len() > MAX_RESPONSE_BYTES {
            return Err(Unusable::Malformed);
        }
        Ok(whole(der, |outer| {
            let content = outer.element(Tag::Sequence)?;
            whole(content.value, |parts| match parts.optional(Tag::Enumerated)? {
                Some(status) => wrapped(status, parts, der),
                None => basic(parts, der),
            })
        })?)
    }
}

/// What reading a response can end in; [`Malformed`] is most of it.
#[derive(Debug, Clone, Copy)]
struct Refused(Unusable);

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self(Unusable::Malformed)
    }
}

impl From<Refused> for Unusable {
    fn from(refused: Refused) -> Self {
        refused.0
    }
}

/// The rest of an `OCSPResponse` behind its status.
fn wrapped<'a>(
    status: Element<'a>,
    parts: &mut Elements<'a>,
    der: &'a [u8],
) -> Result<Response<'a>, Refused> {
    let bytes = parts.optional(constructed(0))?;
    match (status.value, bytes) {
        ([0], Some(bytes)) => {
            let (kind, basic_der) = whole(bytes.value, |outer| {
                outer.inside(Tag::Sequence, |parts| {
                    Ok::<_, Malformed>((parts.oid()?, parts.element(Tag::OctetString)?.value))
                })
            })?;
            if kind != oid::OCSP_BASIC {
                return Err(Refused(Unusable::UnknownCritical));
            }
            whole(basic_der, |outer| outer.inside(Tag::Sequence, |parts| basic(parts, der)))
        }
        // RFC 6960 4.2.1: malformedRequest, internalError, tryLater, sigRequired, unauthorized; nobody signed it.
        ([1..=3 | 5..=6], None) => Err(Refused(Unusable::SaysUnknown)),
        _ => Err(Malformed.into()),
    }
}

/// The content of a `BasicOCSPResponse`; `der` is what the evidence is known by.
fn basic<'a>(parts: &mut Elements<'a>, der: &'a [u8]) -> Result<Response<'a>, Refused> {
    let tbs = parts.element(Tag::Sequence)?;
    let signature_algorithm = parts.algorithm()?.signature_or_sha1()?;
    let signature = parts.bytes_of_bit_string()?;
    let mut certificates = Vec::new();
    if let Some(list) = parts.optional(constructed(0))? {
        whole(list.value, |list| {
            list.inside(Tag::Sequence, |list| {
                list.each(|list| {
                    if certificates.len() == MAX_CERTIFICATES {
                        return Err(Malformed);
                    }
                    let certificate = list.element(Tag::Sequence)?;
                    certificates.push(PathCertificate::parse(certificate.raw).map_err(|_| Malformed)?);
                    Ok(())
                })
            })
        })?;
    }
    whole(tbs.value, |fields| {
        // DEFAULT v1, which some responders write out; nothing else is defined.
        if fields.optional(constructed(0))?.is_some_and(|version| version.value != [0x02, 0x01, 0x00]) {
            return Err(Malformed.into());
        }
        let responder = responder(fields.any()?)?;
        let produced_at = generalized_time(fields)?;
        let answers = fields.inside(Tag::Sequence, answers)?;
        let mut nonce = None;
        if let Some(extensions) = fields.optional(constructed(1))? {
            whole(extensions.value, |extensions| {
                extensions.extensions(
                    |_| Refused(Unusable::Malformed),
                    |id, critical, value| match id {
                        oid::OCSP_NONCE => {
                            nonce = Some(value);
                            Ok(())
                        }
                        oid::OCSP_EXTENDED_REVOKE => Ok(()),
                        _ if critical => Err(Refused(Unusable::UnknownCritical)),
                        _ => Ok(()),
                    },
                )
            })?;
        }
        Ok(Response {
            sha256: sha256(der),
            tbs: tbs.raw,
            signature,
            signature_algorithm,
            responder,
            produced_at,
            answers,
            nonce,
            certificates,
        })
    })
}

fn responder(element: Element<'_>) -> Result<Responder<'_>, Malformed> {
    if element.tag == constructed(1) {
        Ok(Responder::Name(whole(element.value, Elements::name)?))
    } else if element.tag == constructed(2) {
        Ok(Responder::KeyHash(whole(element.value, |v| {
            Ok::<_, Malformed>(v.element(Tag::OctetString)?.value)
        })?))
    } else {
        Err(Malformed)
    }
}

/// The content of `responses`.
fn answers<'a>(list: &mut Elements<'a>) -> Result<Vec<SingleResponse<'a>>, Malformed> {
    let mut answers = Vec::new();
    list.each(|list| {
        if answers.len() == MAX_SINGLE_RESPONSES {
            return Err(Malformed);
        }
        answers.push(list.inside(Tag::Sequence, answer)?);
        Ok(())
    })?;
    if answers.is_empty() { Err(Malformed) } else { Ok(answers) }
}

fn answer<'a>(parts: &mut Elements<'a>) -> Result<SingleResponse<'a>, Malformed> {
    let id = parts.inside(Tag::Sequence, |id| {
        Ok::<_, Malformed>(CertId {
            digest: id.algorithm()?.digest()?,
            issuer_name_hash: id.element(Tag::OctetString)?.value,
            issuer_key_hash: id.element(Tag::OctetString)?.value,
            serial: id.element(Tag::Integer)?.value,
        })
    })?;
    let status = cert_status(parts.any()?)?;
    let this_update = generalized_time(parts)?;
    let next_update =
        parts.optional(constructed(0))?.map(|time| whole(time.value, generalized_time)).transpose()?;
    let mut out = SingleResponse {
        id,
        status,
        window: Window { this_update, next_update },
        archive_cutoff: None,
        has_unknown_critical: false,
    };
    if let Some(extensions) = parts.optional(constructed(1))? {
        whole(extensions.value, |extensions| {
            extensions.extensions(
                |_| Malformed,
                |id, critical, value| {
                    match id {
                        oid::OCSP_ARCHIVE_CUTOFF => {
                            out.archive_cutoff = Some(whole(value, generalized_time)?);
                        }
                        _ => out.has_unknown_critical |= critical,
                    }
                    Ok(())
                },
            )
        })?;
    }
    Ok(out)
}

fn cert_status(element: Element<'_>) -> Result<CertStatus, Malformed> {
    match element.tag {
        tag if tag == primitive(0) && element.value.is_empty() => Ok(CertStatus::Good),
        tag if tag == primitive(2) && element.value.is_empty() => Ok(CertStatus::Unknown),
        tag if tag == constructed(1) => whole(element.value, |info| {
            let at = generalized_time(info)?;
            let reason = match info.optional(constructed(0))? {
                None => RevocationReason::Unspecified,
                Some(reason) => whole(reason.value, |v| match *v.element(Tag::Enumerated)?.value {
                    // removeFromCRL has no meaning here: who is no longer on hold is good.
                    [code] => RevocationReason::from_code(code).ok_or(Malformed),
                    _ => Err(Malformed),
                })?,
            };
            Ok(CertStatus::Revoked { at, reason })
        }),
        _ => Err(Malformed),
    }
}

/// GeneralizedTime to the second and in UTC; responses have no UTCTime.
fn generalized_time(elements: &mut Elements<'_>) -> Result<UnixTime, Malformed> {
    let time: GeneralizedTime = asn1::decode(elements.element(Tag::GeneralizedTime)?)?;
    i64::try_from(time.to_unix_duration().as_secs()).map(UnixTime).map_err(|_| Malformed)
}

impl std::fmt::Debug for CertId<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A serial number stays out of logs.
        f.write_str("CertId(…)")
    }
}

impl std::fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Response(…)")
    }
}
