//! Whose signature it is: the signer identifier (RFC 5652 5.3), which nothing protects, and the signed reference to
//! the signing certificate (RFC 5035, EN 319 122-1 5.2.2), which wins over it. A certificate that was put in the
//! place of the signer's breaks a rule here.

use musubi_crypto::DigestAlgorithm;
use musubi_pki::asn1::{self, Element, Elements, Malformed};
use musubi_pki::{CheckResult, oid as pki_oid};

use super::rules::{FORMAT, NO_CERTIFICATE, OTHER_CERTIFICATE, Rule, broken, kept};
use super::signer_info::{SignedAttributes, SignerId};
use super::{Profile, oid};

/// References in one attribute.
const MAX_REFERENCES: usize = 32;

/// A certificate and what identifies it.
pub(crate) struct Candidate<'a> {
    pub(crate) der: &'a [u8],
    /// `None` if it cannot be read.
    pub(crate) identity: Option<Identity<'a>>,
}

/// What identifies a certificate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    /// DER of the name.
    issuer: &'a [u8],
    /// Content octets.
    serial: &'a [u8],
    /// DER of the name.
    pub(crate) subject: &'a [u8],
    key_identifier: Option<&'a [u8]>,
}

impl<'a> Candidate<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Self {
        Self { der, identity: identity(der).ok() }
    }

    fn is(&self, id: SignerId<'_>) -> bool {
        self.identity.is_some_and(|own| match id {
            SignerId::IssuerAndSerial { issuer, serial } => own.issuer == issuer && own.serial == serial,
            SignerId::KeyIdentifier(key) => own.key_identifier == Some(key),
        })
    }
}

/// Reads as much of a certificate (RFC 5280 4.1) as identifies it; any version, any key.
fn identity(der: &[u8]) -> Result<Identity<'_>, Malformed> {
    let tbs = asn1::whole(der, |outer| {
        outer.inside(der::Tag::Sequence, |parts| {
            let tbs = parts.element(der::Tag::Sequence)?;
            parts.algorithm()?;
            parts.bytes_of_bit_string()?;
            Ok::<_, Malformed>(tbs)
        })
    })?;
    asn1::whole(tbs.value, |fields| {
        fields.optional(asn1::constructed(0))?;
        let serial = fields.element(der::Tag::Integer)?.value;
        fields.algorithm()?;
        let issuer = fields.name()?;
        fields.element(der::Tag::Sequence)?;
        let subject = fields.name()?;
        fields.element(der::Tag::Sequence)?;
        let mut key_identifier = None;
        fields.each(|fields| {
            let field = fields.any()?;
            if field.tag != asn1::constructed(3) {
                return Ok(());
            }
            asn1::whole(field.value, |list| {
                list.extensions(
                    |_| Malformed,
                    |id, _, value| {
                        if id == pki_oid::SUBJECT_KEY_IDENTIFIER {
                            let octets = asn1::whole(value, |v| v.element(der::Tag::OctetString))?;
                            key_identifier = Some(octets.value);
                        }
                        Ok(())
                    },
                )
            })
        })?;
        Ok(Identity { issuer, serial, subject, key_identifier })
    })
}

/// `ESSCertID` or `ESSCertIDv2`, the first of its attribute: the one of the signer.
struct Reference<'a> {
    algorithm: DigestAlgorithm,
    hash: &'a [u8],
    /// Issuer and serial number, if they are given.
    issuer_serial: Option<(&'a [u8], &'a [u8])>,
}

impl Reference<'_> {
    fn is_of(&self, certificate: &Candidate<'_>) -> bool {
        self.algorithm.digest(&[certificate.der]).as_ref() == self.hash
    }

    /// Whether issuer and serial number, where they are given, are the certificate's.
    fn names(&self, certificate: &Candidate<'_>) -> bool {
        self.issuer_serial.is_none_or(|(issuer, serial)| {
            certificate.identity.is_some_and(|own| own.issuer == issuer && own.serial == serial)
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Reads `SigningCertificate` (RFC 5035 4) or `SigningCertificateV2` (RFC 5035 3). `Ok(None)` if the digest is not
/// in the table.
fn reference(value: Element<'_>, version: Version) -> Result<Option<Reference<'_>>, Malformed> {
    let (certs, _policies) = asn1::whole(value.raw, |outer| {
        outer.inside(der::Tag::Sequence, |parts| {
            Ok::<_, Malformed>((parts.element(der::Tag::Sequence)?, parts.optional(der::Tag::Sequence)?))
        })
    })?;
    let mut references = Vec::new();
    asn1::whole(certs.value, |list| {
        list.each(|list| {
            references.push(list.inside(der::Tag::Sequence, |id| certificate_id(id, version))?);
            if references.len() > MAX_REFERENCES { Err(Malformed) } else { Ok(()) }
        })
    })?;
    references.into_iter().next().ok_or(Malformed)
}

fn certificate_id<'a>(id: &mut Elements<'a>, version: Version) -> Result<Option<Reference<'a>>, Malformed> {
    let algorithm = match version {
        Version::One => Ok(DigestAlgorithm::Sha1),
        // DEFAULT SHA-256.
        Version::Two => id
            .optional(der::Tag::Sequence)?
            .map(|e| asn1::whole(e.raw, Elements::algorithm)?.digest())
            .transpose()?
            .unwrap_or(Ok(DigestAlgorithm::Sha256)),
    };
    let hash = id.element(der::Tag::OctetString)?.value;
    let issuer_serial = match id.optional(der::Tag::Sequence)? {
        None => None,
        Some(pair) => Some(asn1::whole(pair.value, |pair| {
            let issuer = pair.inside(der::Tag::Sequence, asn1::only_directory_name)?.ok_or(Malformed)?;
            Ok::<_, Malformed>((issuer, pair.element(der::Tag::Integer)?.value))
        })?),
    };
    Ok(algorithm.ok().map(|algorithm| Reference { algorithm, hash, issuer_serial }))
}

/// Who signed, by what is protected best.
pub(crate) struct Identified<'a> {
    /// DER of the signer's certificate.
    pub(crate) certificate: Option<&'a [u8]>,
    /// Whether signed attributes refer to it.
    pub(crate) is_referenced: bool,
    pub(crate) rules: Vec<Rule>,
}

const IDENTIFIER: &str = "cms.signer_identifier";

/// Finds the signer's certificate among `candidates`.
pub(crate) fn identify<'a>(
    id: SignerId<'_>,
    attributes: Option<&SignedAttributes<'_>>,
    candidates: &[Candidate<'a>],
    profile: Profile,
) -> Identified<'a> {
    let by_reference = protected(id, attributes, candidates, profile);
    let mut named = candidates.iter().filter(|c| c.is(id));
    let first_named = named.next();
    let others_named = named.any(|other| first_named.is_some_and(|first| first.der != other.der));
    let chosen = by_reference.certificate.or(first_named);
    let identifier = {
        let citation = "RFC 5652 5.3";
        let failed = |problem| CheckResult::failed(IDENTIFIER, citation).with("problem", problem);
        match chosen {
            None => broken(failed("the certificate is not there"), NO_CERTIFICATE),
            Some(chosen) if !chosen.is(id) => broken(failed("another certificate signed"), OTHER_CERTIFICATE),
            Some(_) if others_named && by_reference.certificate.is_none() => {
                broken(failed("several certificates fit"), NO_CERTIFICATE)
            }
            Some(_) => kept(CheckResult::passed(IDENTIFIER, citation)),
        }
    };
    let mut rules = vec![identifier];
    rules.extend(by_reference.rule);
    Identified { certificate: chosen.map(|c| c.der), is_referenced: by_reference.is_present, rules }
}

struct Protected<'c, 'a> {
    certificate: Option<&'c Candidate<'a>>,
    is_present: bool,
    rule: Option<Rule>,
}

/// The certificate to which the signed attributes refer. If there are both forms, both must refer to it.
///
/// A reference by SHA-1 (which the first form always is, RFC 5035 4) is accepted, as EN 319 122-1 5.2.2.2 has it: it
/// only tells the certificate from others, and to put another in its place takes a second preimage, not a collision.
fn protected<'c, 'a>(
    id: SignerId<'_>,
    attributes: Option<&SignedAttributes<'_>>,
    candidates: &'c [Candidate<'a>],
    profile: Profile,
) -> Protected<'c, 'a> {
    let (name, citation) = match profile {
        Profile::Timestamp => ("timestamp.signing_certificate", "RFC 3161 2.4.1, RFC 5816 2.2.1"),
        _ => ("cades.signing_certificate", "EN 319 122-1 5.2.2, RFC 5035 3, EN 319 102-1 5.2.3.4"),
    };
    let failed = |problem| CheckResult::failed(name, citation).with("problem", problem);
    let nothing = |rule| Protected { certificate: None, is_present: false, rule };
    let values = [(oid::SIGNING_CERTIFICATE_V2, Version::Two), (oid::SIGNING_CERTIFICATE, Version::One)]
        .into_iter()
        .filter_map(|(id, version)| Some((attributes?.one(id)?, version)));
    let mut references = Vec::new();
    for (value, version) in values {
        match reference(value, version) {
            Ok(Some(reference)) => references.push(reference),
            Ok(None) => return nothing(Some(broken(failed("unknown digest algorithm"), NO_CERTIFICATE))),
            Err(Malformed) => return nothing(Some(broken(failed("malformed"), FORMAT))),
        }
    }
    let Some(first) = references.first() else {
        return nothing(match profile {
            Profile::Pades | Profile::Timestamp => Some(broken(failed("absent"), NO_CERTIFICATE)),
            Profile::Cms | Profile::Pdf => None,
        });
    };
    let certificate = candidates.iter().find(|c| first.is_of(c));
    let rule = match certificate {
        None if candidates.iter().any(|c| c.is(id)) => {
            broken(failed("another certificate"), OTHER_CERTIFICATE)
        }
        None => broken(failed("the certificate is not there"), NO_CERTIFICATE),
        Some(found) if !references.iter().all(|r| r.is_of(found)) => {
            broken(failed("two references to different certificates"), OTHER_CERTIFICATE)
        }
        Some(found) if !references.iter().all(|r| r.names(found)) => {
            broken(failed("another issuer or serial number"), OTHER_CERTIFICATE)
        }
        Some(_) => kept(CheckResult::passed(name, citation).with("digest", first.algorithm.as_str())),
    };
    Protected { certificate, is_present: true, rule: Some(rule) }
}
