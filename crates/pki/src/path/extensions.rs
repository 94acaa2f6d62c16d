//! The certificate extensions that path validation processes (RFC 5280 4.2, RFC 6960 4.2.2.2.1). Others are passed
//! over if they are not critical and remembered if they are.

use const_oid::ObjectIdentifier;
use der::Tag;

use super::general_name::GeneralName;
use crate::asn1::{self, Element, Elements, Malformed, constructed, primitive, whole};
use crate::certificate::ParseError;
use crate::oid;

/// The most policies, mappings or distribution points that one certificate may have.
const MAX_ITEMS: usize = 512;

/// `basicConstraints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicConstraints {
    /// `cA`.
    pub is_ca: bool,
    /// `pathLenConstraint`.
    pub path_length: Option<u32>,
}

/// `policyConstraints`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PolicyConstraints {
    /// `requireExplicitPolicy`.
    pub require_explicit: Option<u32>,
    /// `inhibitPolicyMapping`.
    pub inhibit_mapping: Option<u32>,
}

/// `authorityKeyIdentifier`, each part if present.
#[derive(Debug, Clone, Default)]
pub struct IssuerKeyId<'a> {
    /// `keyIdentifier`.
    pub key_id: Option<&'a [u8]>,
    /// `authorityCertIssuer`.
    pub issuer: Vec<GeneralName<'a>>,
    /// `authorityCertSerialNumber`, content octets.
    pub serial: Option<&'a [u8]>,
}

/// The name of a distribution point.
#[derive(Debug, Clone)]
pub enum PointName<'a> {
    /// `fullName`.
    Full(Vec<GeneralName<'a>>),
    /// `nameRelativeToCRLIssuer`: the content of the RDN's SET (attributes to be appended to the CRL issuer's name).
    Relative(&'a [u8]),
}

/// Bits of `ReasonFlags`, bit n of the ASN.1 as `1 << n`; bit 0 is unused.
pub type ReasonFlags = u16;

/// A `DistributionPoint`.
#[derive(Debug, Clone)]
pub struct DistributionPoint<'a> {
    /// `distributionPoint`.
    pub name: Option<PointName<'a>>,
    /// `reasons`; all if absent.
    pub reasons: Option<ReasonFlags>,
    /// `cRLIssuer`; the certificate's issuer if empty.
    pub crl_issuer: Vec<GeneralName<'a>>,
}

/// What a certificate's extensions say.
#[derive(Debug, Clone, Default)]
pub struct PathExtensions<'a> {
    /// `basicConstraints`.
    pub basic_constraints: Option<BasicConstraints>,
    /// `keyUsage`: bit n of the ASN.1 as `1 << n`.
    pub key_usage: Option<u16>,
    /// `extKeyUsage`, and whether it is critical.
    pub extended_key_usage: Option<(Vec<ObjectIdentifier>, bool)>,
    /// `certificatePolicies`.
    pub policies: Option<Vec<ObjectIdentifier>>,
    /// `policyMappings`: issuer's and subject's domain policy.
    pub policy_mappings: Option<Vec<(ObjectIdentifier, ObjectIdentifier)>>,
    /// `policyConstraints`.
    pub policy_constraints: Option<PolicyConstraints>,
    /// `inhibitAnyPolicy`.
    pub inhibit_any_policy: Option<u32>,
    /// `nameConstraints`, DER of its value, unread.
    pub name_constraints: Option<&'a [u8]>,
    /// `subjectAltName`.
    pub subject_alt_names: Option<Vec<GeneralName<'a>>>,
    /// `authorityKeyIdentifier`.
    pub authority_key_id: Option<IssuerKeyId<'a>>,
    /// `subjectKeyIdentifier`.
    pub subject_key_id: Option<&'a [u8]>,
    /// `cRLDistributionPoints`.
    pub crl_distribution_points: Option<Vec<DistributionPoint<'a>>>,
    /// `freshestCRL`.
    pub freshest_crl: Option<Vec<DistributionPoint<'a>>>,
    /// `id-pkix-ocsp-nocheck`.
    pub ocsp_no_check: bool,
    /// Critical extensions that are not in this list.
    pub unknown_critical: Vec<ObjectIdentifier>,
}

impl<'a> PathExtensions<'a> {
    pub(crate) fn read(elements: &mut Elements<'a>) -> Result<Self, ParseError> {
        let mut out = Self::default();
        elements.extensions(
            |oid| ParseError::DuplicateExtension { oid },
            |id, critical, value| {
                let known =
                    out.take(id, critical, value).map_err(|Malformed| ParseError::Extension { oid: id })?;
                if critical && !known {
                    out.unknown_critical.push(id);
                }
                Ok(())
            },
        )?;
        Ok(out)
    }

    /// Whether the extension was understood, so that it may be critical.
    fn take(&mut self, id: ObjectIdentifier, critical: bool, value: &'a [u8]) -> Result<bool, Malformed> {
        match id {
            oid::BASIC_CONSTRAINTS => self.basic_constraints = Some(whole(value, basic_constraints)?),
            oid::KEY_USAGE => self.key_usage = Some(bits(whole(value, |v| v.element(Tag::BitString))?)?),
            oid::EXTENDED_KEY_USAGE => {
                self.extended_key_usage = Some((whole(value, |v| list(v, Elements::oid))?, critical));
            }
            oid::CERTIFICATE_POLICIES => self.policies = Some(whole(value, policies)?),
            oid::POLICY_MAPPINGS => self.policy_mappings = Some(whole(value, mappings)?),
            oid::POLICY_CONSTRAINTS => self.policy_constraints = Some(whole(value, policy_constraints)?),
            oid::INHIBIT_ANY_POLICY => self.inhibit_any_policy = Some(whole(value, small)?),
            oid::NAME_CONSTRAINTS => self.name_constraints = Some(value),
            oid::SUBJECT_ALT_NAME => {
                self.subject_alt_names =
                    Some(whole(value, |v| v.inside(Tag::Sequence, GeneralName::read_all))?);
            }
            oid::AUTHORITY_KEY_IDENTIFIER => self.authority_key_id = Some(issuer_key_id(value)?),
            oid::SUBJECT_KEY_IDENTIFIER => {
                self.subject_key_id =
                    Some(whole(value, |v| Ok::<_, Malformed>(v.element(Tag::OctetString)?.value))?);
            }
            oid::CRL_DISTRIBUTION_POINTS => {
                self.crl_distribution_points = Some(whole(value, |v| list(v, distribution_point))?);
            }
            oid::FRESHEST_CRL => self.freshest_crl = Some(whole(value, |v| list(v, distribution_point))?),
            oid::OCSP_NO_CHECK => self.ocsp_no_check = true,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// A SEQUENCE OF, bounded.
fn list<'a, T>(
    value: &mut Elements<'a>,
    read: impl Fn(&mut Elements<'a>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    value.inside(Tag::Sequence, |items| {
        let mut out = Vec::new();
        items.each(|items| {
            if out.len() == MAX_ITEMS {
                return Err(Malformed);
            }
            out.push(read(items)?);
            Ok(())
        })?;
        Ok(out)
    })
}

/// A BIT STRING of at most 16 bits: bit n of the ASN.1 as `1 << n`.
pub(crate) fn bits(element: Element<'_>) -> Result<u16, Malformed> {
    let bits: der::asn1::BitStringRef<'_> = asn1::decode(Element { tag: Tag::BitString, ..element })?;
    if bits.bit_len() > 16 {
        return Err(Malformed);
    }
    Ok(bits.bits().enumerate().fold(0, |out, (n, bit)| out | (u16::from(bit) << n)))
}

fn small(value: &mut Elements<'_>) -> Result<u32, Malformed> {
    // A larger skip count than any path has certificates is as good as the largest.
    Ok(u32::try_from(value.small_unsigned()?).unwrap_or(u32::MAX))
}

fn basic_constraints(value: &mut Elements<'_>) -> Result<BasicConstraints, Malformed> {
    value.inside(Tag::Sequence, |parts| {
        let is_ca = parts.default_false()?;
        let path_length = if parts.is_empty() { None } else { Some(small(parts)?) };
        Ok(BasicConstraints { is_ca, path_length })
    })
}

fn policies(value: &mut Elements<'_>) -> Result<Vec<ObjectIdentifier>, Malformed> {
    let out = list(value, |items| {
        items.inside(Tag::Sequence, |information| {
            let policy = information.oid()?;
            // Qualifiers are for people (RFC 5280 4.2.1.4).
            information.optional(Tag::Sequence)?;
            Ok(policy)
        })
    })?;
    // RFC 5280 4.2.1.4: a policy must not appear twice.
    let mut sorted = out.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) { Err(Malformed) } else { Ok(out) }
}

fn mappings(value: &mut Elements<'_>) -> Result<Vec<(ObjectIdentifier, ObjectIdentifier)>, Malformed> {
    list(value, |items| items.inside(Tag::Sequence, |pair| Ok::<_, Malformed>((pair.oid()?, pair.oid()?))))
}

fn policy_constraints(value: &mut Elements<'_>) -> Result<PolicyConstraints, Malformed> {
    value.inside(Tag::Sequence, |parts| {
        let mut skip = |number| {
            parts.optional(primitive(number))?.map_or(Ok(None), |e| {
                let skip: u64 = asn1::decode(Element { tag: Tag::Integer, ..e })?;
                Ok::<_, Malformed>(Some(u32::try_from(skip).unwrap_or(u32::MAX)))
            })
        };
        Ok::<_, Malformed>(PolicyConstraints { require_explicit: skip(0)?, inhibit_mapping: skip(1)? })
    })
}

/// Reads the value of `authorityKeyIdentifier`.
pub(crate) fn issuer_key_id(value: &[u8]) -> Result<IssuerKeyId<'_>, Malformed> {
    whole(value, |v| {
        v.inside(Tag::Sequence, |parts| {
            let key_id = parts.optional(primitive(0))?.map(|e| e.value);
            let issuer = match parts.optional(constructed(1))? {
                Some(names) => whole(names.value, GeneralName::read_all)?,
                None => Vec::new(),
            };
            let serial = parts.optional(primitive(2))?.map(|e| e.value);
            Ok(IssuerKeyId { key_id, issuer, serial })
        })
    })
}

fn distribution_point<'a>(points: &mut Elements<'a>) -> Result<DistributionPoint<'a>, Malformed> {
    points.inside(Tag::Sequence, |point| {
        let name = match point.optional(constructed(0))? {
            Some(name) => Some(whole(name.value, point_name)?),
            None => None,
        };
        let reasons = point.optional(primitive(1))?.map(bits).transpose()?;
        let crl_issuer = match point.optional(constructed(2))? {
            Some(names) => whole(names.value, GeneralName::read_all)?,
            None => Vec::new(),
        };
        Ok(DistributionPoint { name, reasons, crl_issuer })
    })
}

/// `DistributionPointName`, also of `issuingDistributionPoint`.
pub(crate) fn point_name<'a>(name: &mut Elements<'a>) -> Result<PointName<'a>, Malformed> {
    let element = name.any()?;
    if element.tag == constructed(0) {
        Ok(PointName::Full(whole(element.value, GeneralName::read_all)?))
    } else if element.tag == constructed(1) {
        Ok(PointName::Relative(element.value))
    } else {
        Err(Malformed)
    }
}
