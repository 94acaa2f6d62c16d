//! The document security store (EN 319 142-1 5.4.2, ISO 32000-2 12.8.4.3): certificates, revocation lists and OCSP
//! responses for all signatures of the document.
//!
//! Nothing in it is trusted; it is evidence to be judged. Not read: the groups by signature (`/VRI`), which name the
//! same streams again. Refused, by leaving it out: an entry that is no stream or does not decode, and what goes
//! beyond [`MAX_VALUES`] entries or 32 MiB each.

use std::borrow::Cow;

use der::Tag;
use musubi_pki::asn1::{self, Elements, Malformed};

use super::lexer::Result;
use super::objects::{Dict, Object};
use super::reader::{Reader, State};

/// Certificates, lists or responses; of each kind.
pub(super) const MAX_VALUES: usize = 512;
const MAX_VALUE: usize = 32 << 20;

/// What the store holds, DER.
#[derive(Debug, Clone, Default)]
pub(super) struct Dss<'a> {
    pub(super) certificates: Vec<Cow<'a, [u8]>>,
    pub(super) crls: Vec<Cow<'a, [u8]>>,
    pub(super) ocsp: Vec<Cow<'a, [u8]>>,
}

impl<'a> Dss<'a> {
    /// The store as it is; empty if there is none. What had to be decoded is `limit` bytes at most: every signature
    /// gets a copy.
    pub(super) fn read(reader: &Reader<'a>, limit: usize) -> Self {
        let Ok(Some(store)) = store(reader, 0) else { return Self::default() };
        let mut left = limit;
        Self {
            certificates: values(reader, &store, b"Certs", &mut left),
            crls: values(reader, &store, b"CRLs", &mut left),
            ocsp: values(reader, &store, b"OCSPs", &mut left),
        }
    }

    /// Whether there is revocation data that may be about a certificate of this issuer (DER of its name).
    pub(super) fn is_about(&self, issuer: &[u8]) -> bool {
        !self.ocsp.is_empty() || self.crls.iter().any(|crl| issuer_of(crl) == Some(issuer))
    }
}

/// Whether there was a store with revocation data at this state.
pub(super) fn has_revocation(reader: &Reader<'_>, state: State) -> bool {
    let Ok(Some(store)) = store(reader, state) else { return false };
    [b"CRLs".as_slice(), b"OCSPs"]
        .iter()
        .any(|key| reader.resolve_array(state, store.get(key)).is_ok_and(|list| !list.is_empty()))
}

fn store<'r>(reader: &'r Reader<'_>, state: State) -> Result<Option<Dict<'r>>> {
    let catalog = reader.catalog(state)?;
    match reader.resolve(state, catalog.get(b"DSS"))? {
        Object::Dict(store) => Ok(Some(store)),
        _ => Ok(None),
    }
}

fn values<'a>(reader: &Reader<'a>, store: &Dict<'_>, key: &[u8], left: &mut usize) -> Vec<Cow<'a, [u8]>> {
    let list = match store.get(key) {
        Some(Object::Ref(id)) => reader.load(0, *id).ok(),
        other => other.cloned(),
    };
    let Some(Object::Array(list)) = list else { return Vec::new() };
    let mut values = Vec::new();
    for item in list.iter().take(MAX_VALUES) {
        let Some(Ok(Some((dict, data)))) = item.as_ref().map(|id| reader.stream(0, id)) else { continue };
        let Ok(value) = reader.decode(&dict, data, MAX_VALUE.min(*left)) else { continue };
        if let Cow::Owned(decoded) = &value {
            *left -= decoded.len();
        }
        values.push(value);
    }
    values
}

/// The issuer's name of a `CertificateList` (RFC 5280 5.1), DER.
fn issuer_of(crl: &[u8]) -> Option<&[u8]> {
    to_be_signed(crl, |fields| {
        fields.optional(Tag::Integer)?;
        fields.element(Tag::Sequence)?;
        fields.name()
    })
}

/// The issuer's name of a `Certificate` (RFC 5280 4.1), DER.
pub(super) fn issuer_of_certificate(der: &[u8]) -> Option<&[u8]> {
    to_be_signed(der, |fields| {
        fields.optional(asn1::constructed(0))?;
        fields.element(Tag::Integer)?;
        fields.element(Tag::Sequence)?;
        fields.name()
    })
}

/// Only the head is read: all of it is read by who judges it.
fn to_be_signed<'a>(
    der: &'a [u8],
    read: impl FnOnce(&mut Elements<'a>) -> core::result::Result<&'a [u8], Malformed>,
) -> Option<&'a [u8]> {
    let head = |fields: &mut Elements<'a>| {
        let name = read(fields)?;
        fields.each(|rest| rest.any().map(drop)).map(|()| name)
    };
    let outer = |list: &mut Elements<'a>| {
        let name = list.inside(Tag::Sequence, head)?;
        list.each(|rest| rest.any().map(drop)).map(|()| name)
    };
    asn1::whole::<_, Malformed>(der, |file| file.inside(Tag::Sequence, outer)).ok()
}
