//! Signed properties of XAdES (EN 319 132-1 5.2): the signing certificate, the claimed time, the policy.
//!
//! They count only if one reference of the type `http://uri.etsi.org/01903#SignedProperties` protects exactly the
//! `SignedProperties` of this signature. Refused: several `QualifyingProperties`, or ones whose `Target` is another
//! signature; a signing certificate whose digest or issuer and serial number is another's. Where there are several
//! `Cert`, the first is the signer's (5.2.2.2).
//!
//! An explicit signature policy is not processed: the constraints are those of the policy that the caller judges by
//! (EN 319 102-1 5.2.4.1, 5.1.4.1), so it is reported as skipped and changes no verdict. Commitments, roles, places
//! and formats of data objects are the signer's claims and are not read.

use der::Tag;
use musubi_kernel::UnixTime;
use musubi_pki::asn1::{Malformed, constructed, only_directory_name, whole};
use musubi_pki::{ReasonCode, SubIndication};

use super::algorithms::{self, DS, SIGNED_PROPERTIES_TYPE, XADES};
use super::key_info::names;
use super::reference::Target;
use super::structure::{Broken, Last, Parts, Reference, coverage, format};
use super::text;
use super::tree::{NodeId, Tree};

/// `QualifyingProperties` of a signature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Qualifying {
    /// Itself.
    pub(super) properties: NodeId,
    /// `SignedProperties`.
    pub(super) signed: NodeId,
    /// `UnsignedProperties/UnsignedSignatureProperties`.
    pub(super) unsigned: Option<NodeId>,
}

/// The certificate that the signed properties name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    /// They name none.
    Nobody,
    /// This one of the candidates.
    Candidate(usize),
}

/// The one child element of this name; `None` if there is none.
pub(super) fn at_most_one(
    tree: &Tree<'_>,
    parent: NodeId,
    namespace: &str,
    local: &str,
) -> Result<Option<NodeId>, Broken> {
    let mut children = tree.children_named(parent, namespace, local);
    match (children.next(), children.next()) {
        (first, None) => Ok(first),
        _ => format("a property that occurs twice"),
    }
}

/// The `QualifyingProperties` in the signature's own objects (4.3, 4.4.1); `None` for a signature of the plain format.
pub(super) fn qualifying(tree: &Tree<'_>, parts: &Parts) -> Result<Option<Qualifying>, Broken> {
    let named = |object: &NodeId| tree.children_named(*object, XADES, "QualifyingProperties");
    let mut all = parts.objects.iter().flat_map(named);
    let Some(properties) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return format("several QualifyingProperties");
    }
    let id = tree.attribute(parts.signature, "Id");
    let target = tree.attribute(properties, "Target").and_then(|target| target.strip_prefix('#'));
    if id.is_none() || id != target {
        return format("QualifyingProperties have another target than this signature");
    }
    let Some(signed) = at_most_one(tree, properties, XADES, "SignedProperties")? else {
        return format("QualifyingProperties without SignedProperties");
    };
    let unsigned = match at_most_one(tree, properties, XADES, "UnsignedProperties")? {
        Some(unsigned) => at_most_one(tree, unsigned, XADES, "UnsignedSignatureProperties")?,
        None => None,
    };
    Ok(Some(Qualifying { properties, signed, unsigned }))
}

/// That one reference of the right type, and no other of it, protects these signed properties (4.4.2).
pub(super) fn check_protected(
    qualifying: &Qualifying,
    references: &[(&Reference<'_>, Option<Target>)],
) -> Result<(), Broken> {
    let mut typed = references.iter().filter(|(r, _)| r.of_type == Some(SIGNED_PROPERTIES_TYPE));
    let (Some((reference, target)), None) = (typed.next(), typed.next()) else {
        return coverage("not one reference to the signed properties");
    };
    match target {
        Some(Target::Element { id, .. }) if *id == qualifying.signed && reference.last != Last::Base64 => {
            Ok(())
        }
        _ => coverage("the reference to the signed properties points elsewhere"),
    }
}

fn signed_signature_properties(tree: &Tree<'_>, signed: NodeId) -> Result<Option<NodeId>, Broken> {
    at_most_one(tree, signed, XADES, "SignedSignatureProperties")
}

/// `SigningTime` (5.2.1). A time without an offset is nobody's instant.
pub(super) fn signing_time(tree: &Tree<'_>, signed: NodeId) -> Option<UnixTime> {
    let properties = signed_signature_properties(tree, signed).ok()??;
    let time = at_most_one(tree, properties, XADES, "SigningTime").ok()??;
    UnixTime::parse_rfc3339(tree.text(time)?.trim()).ok()
}

/// Whether there is an explicit policy (5.2.9).
pub(super) fn explicit_policy(tree: &Tree<'_>, signed: NodeId) -> Result<bool, Broken> {
    let Some(properties) = signed_signature_properties(tree, signed)? else { return Ok(false) };
    let Some(identifier) = at_most_one(tree, properties, XADES, "SignaturePolicyIdentifier")? else {
        return Ok(false);
    };
    match tree.only_elements(identifier).as_deref() {
        Some([one]) if tree.is(*one, XADES, "SignaturePolicyImplied") => Ok(false),
        Some([one]) if tree.is(*one, XADES, "SignaturePolicyId") => Ok(true),
        _ => format("a signature policy identifier that is not in the schema"),
    }
}

/// The signing certificate (5.2.2; TS 101 903 7.2.2 for the older form). If both forms are there, both must name it.
pub(super) fn signing_certificate(
    tree: &Tree<'_>,
    signed: NodeId,
    candidates: &[Vec<u8>],
) -> Result<Named, Broken> {
    let Some(properties) = signed_signature_properties(tree, signed)? else { return Ok(Named::Nobody) };
    let mut named = Named::Nobody;
    for form in ["SigningCertificateV2", "SigningCertificate"] {
        let Some(list) = at_most_one(tree, properties, XADES, form)? else { continue };
        let Some(first) = tree.children_named(list, XADES, "Cert").next() else {
            return format("a signing certificate property without a certificate");
        };
        let found = Named::Candidate(candidate(tree, first, candidates)?);
        if named != Named::Nobody && named != found {
            return not_found("two signing certificates");
        }
        named = found;
    }
    Ok(named)
}

fn not_found<T>(why: &'static str) -> Result<T, Broken> {
    let conclusion = (SubIndication::NoSigningCertificateFound, ReasonCode::CertificateUntrusted);
    Err(Broken { why, conclusion })
}

/// The candidate that a `Cert` describes.
fn candidate(tree: &Tree<'_>, cert: NodeId, candidates: &[Vec<u8>]) -> Result<usize, Broken> {
    let part = |parent, namespace, local| at_most_one(tree, parent, namespace, local);
    let Some(digest) = part(cert, XADES, "CertDigest")? else {
        return format("a signing certificate without a digest");
    };
    let (Some(method), Some(value)) = (part(digest, DS, "DigestMethod")?, part(digest, DS, "DigestValue")?)
    else {
        return format("a signing certificate without a digest");
    };
    let Some(algorithm) = tree.attribute(method, "Algorithm").and_then(algorithms::digest) else {
        return super::structure::algorithm("a digest method that is not in the list");
    };
    let Some(expected) = tree.text(value).and_then(|text| text::base64(&text)) else {
        return format("a DigestValue is not base64");
    };
    let is_it = |certificate: &Vec<u8>| algorithm.digest(&[certificate]).as_ref() == expected;
    let Some(index) = candidates.iter().position(is_it) else {
        return not_found("the certificate that the signature names is not at hand");
    };
    let certificate = candidates.get(index).map(Vec::as_slice).unwrap_or_default();
    let Some(names) = names(certificate) else { return not_found("the signing certificate is not one") };
    if let Some(v2) = part(cert, XADES, "IssuerSerialV2")? {
        let der = tree.text(v2).and_then(|text| text::base64(&text)).unwrap_or_default();
        let Some((issuer, serial)) = issuer_serial(&der) else {
            return format("issuer and serial number of the signing certificate");
        };
        if issuer.is_some_and(|issuer| issuer != names.issuer) || serial != names.serial {
            return not_found("issuer or serial number is not the signing certificate's");
        }
    }
    if let Some(v1) = part(cert, XADES, "IssuerSerial")? {
        // The issuer stands as a text that every tool writes in its own way; the digest is what identifies.
        let number = part(v1, DS, "X509SerialNumber")?.and_then(|id| tree.text(id)?.parse().ok());
        let serial = number.and_then(|number: String| text::serial(&number));
        if serial.as_deref() != Some(names.serial) {
            return not_found("issuer or serial number is not the signing certificate's");
        }
    }
    Ok(index)
}

/// `IssuerSerial` (RFC 5035 5): its one directory name, and the serial number without leading zeros.
fn issuer_serial(der: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    whole(der, |outer| {
        outer.inside(Tag::Sequence, |parts| {
            let issuer = parts.inside(Tag::Sequence, only_directory_name)?;
            let serial = parts.serial_bytes()?;
            parts.optional(constructed(0))?;
            Ok::<_, Malformed>((issuer, serial))
        })
    })
    .ok()
}
