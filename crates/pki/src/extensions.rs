//! Certificate extensions that are understood (RFC 5280 4.2). Others are passed over if they are not critical
//! and remembered if they are: the judgement refuses such a certificate.

use const_oid::ObjectIdentifier;
use der::Tag;

use crate::asn1::{self, Elements, Malformed, constructed, primitive, whole};
use crate::certificate::ParseError;
use crate::key::SerialNumber;
use crate::oid;

/// `authorityKeyIdentifier` (RFC 5280 4.2.1.1).
#[derive(Debug, Clone)]
pub struct AuthorityKeyIdentifier<'a> {
    /// The issuer's key identifier.
    pub key_id: Option<&'a [u8]>,
    /// Issuer name (DER) and serial number of the issuer's own certificate.
    pub certificate: Option<(&'a [u8], SerialNumber)>,
}

/// What a certificate's extensions say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extensions<'a> {
    /// The content octets of the BIT STRING: number of unused bits, then the bits.
    pub(crate) key_usage: Option<&'a [u8]>,
    pub(crate) extended_key_usage: Option<Vec<ObjectIdentifier>>,
    pub(crate) policies: Option<Vec<ObjectIdentifier>>,
    /// `GeneralNames`, DER.
    pub(crate) subject_alt_name: Option<&'a [u8]>,
    /// The one directory name at which the revocation list is found; `None` also if there is another form.
    pub(crate) crl_distribution_point: Option<&'a [u8]>,
    pub(crate) authority_key_id: Option<AuthorityKeyIdentifier<'a>>,
    pub(crate) subject_key_id: Option<&'a [u8]>,
    /// `cA` of `basicConstraints`.
    pub(crate) is_ca: bool,
    pub(crate) unknown_critical: Vec<ObjectIdentifier>,
}

impl<'a> Extensions<'a> {
    pub(crate) fn read(elements: &mut Elements<'a>) -> Result<Self, ParseError> {
        let mut out = Self::default();
        elements.extensions(
            |oid| ParseError::DuplicateExtension { oid },
            |id, critical, value| {
                let known = out.take(id, value).map_err(|Malformed| ParseError::Extension { oid: id })?;
                if critical && !known {
                    out.unknown_critical.push(id);
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    /// Whether the extension was understood, so that it may be critical.
    fn take(&mut self, id: ObjectIdentifier, value: &'a [u8]) -> Result<bool, Malformed> {
        match id {
            oid::KEY_USAGE => self.key_usage = Some(whole(value, |v| bits(v))?),
            oid::EXTENDED_KEY_USAGE => self.extended_key_usage = Some(whole(value, oids)?),
            oid::CERTIFICATE_POLICIES => self.policies = Some(whole(value, policies)?),
            oid::SUBJECT_ALT_NAME => self.subject_alt_name = Some(whole(value, general_names)?),
            oid::CRL_DISTRIBUTION_POINTS => self.crl_distribution_point = whole(value, distribution_point)?,
            oid::AUTHORITY_KEY_IDENTIFIER => self.authority_key_id = Some(authority_key_id(value)?),
            oid::SUBJECT_KEY_IDENTIFIER => {
                self.subject_key_id =
                    Some(whole(value, |v| Ok::<_, Malformed>(v.element(Tag::OctetString)?.value))?);
            }
            oid::BASIC_CONSTRAINTS => self.is_ca = whole(value, basic_constraints)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn bits<'a>(value: &mut Elements<'a>) -> Result<&'a [u8], Malformed> {
    let element = value.element(Tag::BitString)?;
    // Decoding checks the number of unused bits.
    asn1::decode::<der::asn1::BitStringRef<'a>>(element)?;
    Ok(element.value)
}

fn oids(value: &mut Elements<'_>) -> Result<Vec<ObjectIdentifier>, Malformed> {
    value.inside(Tag::Sequence, |list| {
        let mut out = Vec::new();
        list.each(|list| list.oid().map(|id| out.push(id)))?;
        Ok(out)
    })
}

fn policies(value: &mut Elements<'_>) -> Result<Vec<ObjectIdentifier>, Malformed> {
    value.inside(Tag::Sequence, |list| {
        let mut out: Vec<ObjectIdentifier> = Vec::new();
        list.each(|list| {
            let policy = list.inside(Tag::Sequence, |information| {
                let policy = information.oid()?;
                // Qualifiers are for people (RFC 5280 4.2.1.4).
                information.optional(Tag::Sequence)?;
                Ok::<_, Malformed>(policy)
            })?;
            // RFC 5280 4.2.1.4: a policy must not appear twice.
            if out.contains(&policy) {
                return Err(Malformed);
            }
            out.push(policy);
            Ok(())
        })?;
        Ok(out)
    })
}

fn general_names<'a>(value: &mut Elements<'a>) -> Result<&'a [u8], Malformed> {
    Ok(value.element(Tag::Sequence)?.raw)
}

/// `CRLDistributionPoints`: the directory name if there is exactly one point with one such name and no more.
fn distribution_point<'a>(value: &mut Elements<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let mut found = None;
    let mut count = 0_u32;
    value.inside(Tag::Sequence, |points| {
        points.each(|points| {
            count = count.saturating_add(1);
            points.inside(Tag::Sequence, |point| {
                if let Some(name) = point.optional(constructed(0))? {
                    found = whole(name.value, full_name)?;
                }
                // reasons and cRLIssuer split a list in ways that this profile does not have.
                if point.optional(primitive(1))?.is_some() || point.optional(constructed(2))?.is_some() {
                    found = None;
                }
                Ok::<(), Malformed>(())
            })
        })
    })?;
    Ok(found.filter(|_| count == 1))
}

/// `DistributionPointName`: the one directory name of a `fullName`.
pub(crate) fn full_name<'a>(name: &mut Elements<'a>) -> Result<Option<&'a [u8]>, Malformed> {
    let element = name.any()?;
    if element.tag == constructed(0) { whole(element.value, asn1::only_directory_name) } else { Ok(None) }
}

/// Reads the extension's value.
pub(crate) fn authority_key_id(value: &[u8]) -> Result<AuthorityKeyIdentifier<'_>, Malformed> {
    whole(value, |v| {
        v.inside(Tag::Sequence, |parts| {
            let key_id = parts.optional(primitive(0))?.map(|e| e.value);
            let issuer = match parts.optional(constructed(1))? {
                Some(names) => Some(whole(names.value, asn1::only_directory_name)?.ok_or(Malformed)?),
                None => None,
            };
            let serial = match parts.optional(primitive(2))? {
                Some(number) if number.value.len() <= 20 => {
                    let number = asn1::decode(asn1::Element { tag: Tag::Integer, ..number })?;
                    let number: der::asn1::UintRef<'_> = number;
                    Some(SerialNumber::from_be_bytes(number.as_bytes()).map_err(|_| Malformed)?)
                }
                Some(_) => return Err(Malformed),
                None => None,
            };
            let certificate = match (issuer, serial) {
                (Some(issuer), Some(serial)) => Some((issuer, serial)),
                (None, None) => None,
                // RFC 5280 4.2.1.1: both or none.
                _ => return Err(Malformed),
            };
            Ok(AuthorityKeyIdentifier { key_id, certificate })
        })
    })
}

fn basic_constraints(value: &mut Elements<'_>) -> Result<bool, Malformed> {
    value.inside(Tag::Sequence, |parts| {
        let is_ca = parts.default_false()?;
        parts.optional(Tag::Integer)?;
        Ok(is_ca)
    })
}
