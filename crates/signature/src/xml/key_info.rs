//! Certificates of `ds:KeyInfo` (XMLDSIG 1.1 4.5.4), and which of them is the signer's where nothing signed says so.
//!
//! Only `X509Certificate` is read. `KeyValue`, `DEREncodedKeyValue`, `RetrievalMethod`, `KeyName` and the like are
//! never a key: what they name is nobody's until a certificate says whose. The key that verifies is the certificate's.

use der::Tag;
use musubi_pki::asn1::{Elements, Malformed, constructed, whole};
use musubi_pki::{MAX_CERTIFICATE_BYTES, ReasonCode, SubIndication};

use super::algorithms::DS;
use super::structure::{Broken, format};
use super::text;
use super::tree::{NodeId, Tree};

/// Certificates of one signature, and as many lists and responses.
pub(super) const MAX_VALUES: usize = 128;

/// Certificates and revocation data that came with a signature, DER.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) crls: Vec<Vec<u8>>,
    pub(super) ocsp: Vec<Vec<u8>>,
}

/// Adds the bytes of an element's base64 text.
pub(super) fn add(tree: &Tree<'_>, id: NodeId, to: &mut Vec<Vec<u8>>) -> Result<(), Broken> {
    if to.len() >= MAX_VALUES {
        return Err(Broken {
            why: "too many certificates or revocation data",
            conclusion: (SubIndication::SigConstraintsFailure, ReasonCode::TooComplex),
        });
    }
    let Some(value) = tree.text(id).and_then(|text| text::base64(&text)) else {
        return format("a certificate or revocation data that is not base64");
    };
    if !to.contains(&value) {
        to.push(value);
    }
    Ok(())
}

/// The certificates and revocation lists of `ds:X509Data`.
pub(super) fn read(tree: &Tree<'_>, key_info: NodeId, values: &mut Values) -> Result<(), Broken> {
    for data in tree.children_named(key_info, DS, "X509Data") {
        for child in tree.children(data) {
            if tree.is(child, DS, "X509Certificate") {
                add(tree, child, &mut values.certificates)?;
            } else if tree.is(child, DS, "X509CRL") {
                add(tree, child, &mut values.crls)?;
            }
        }
    }
    Ok(())
}

/// What identifies a certificate, as slices of its DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Names<'c> {
    /// Big-endian without leading zeros.
    pub(super) serial: &'c [u8],
    pub(super) issuer: &'c [u8],
    pub(super) subject: &'c [u8],
}

/// Reads serial number, issuer and subject (RFC 5280 4.1); the rest is judged later.
pub(super) fn names(certificate: &[u8]) -> Option<Names<'_>> {
    if certificate.len() > MAX_CERTIFICATE_BYTES {
        return None;
    }
    let read = |fields: &mut Elements<'_>| fields.any().map(|_| ());
    whole(certificate, |outer| {
        outer.inside(Tag::Sequence, |parts| {
            let tbs = parts.element(Tag::Sequence)?;
            parts.each(read)?;
            whole(tbs.value, |fields| {
                fields.optional(constructed(0))?;
                let serial = fields.serial_bytes()?;
                fields.algorithm()?;
                let issuer = fields.name()?;
                fields.element(Tag::Sequence)?;
                let subject = fields.name()?;
                fields.each(read)?;
                Ok::<_, Malformed>(Names { serial, issuer, subject })
            })
        })
    })
    .ok()
}

/// The signer's certificate among those of `X509Data`, where no signed property names it: the only one that issued
/// none of the others (XMLDSIG 1.1 4.5.4: the others must be its chain). `None` if that is not one.
pub(super) fn end_entity(certificates: &[Vec<u8>]) -> Option<usize> {
    if certificates.len() == 1 {
        return Some(0);
    }
    let names: Vec<Option<Names<'_>>> = certificates.iter().map(|c| names(c)).collect();
    let issued_another = |index: usize, of: &Names<'_>| {
        let mut others = names.iter().enumerate().filter(|(other, _)| *other != index);
        others.any(|(_, other)| other.is_some_and(|other| other.issuer == of.subject))
    };
    let mut ends = names
        .iter()
        .enumerate()
        .filter(|(index, names)| names.as_ref().is_some_and(|names| !issued_another(*index, names)));
    match (ends.next(), ends.next()) {
        (Some((index, _)), None) => Some(index),
        _ => None,
    }
}
