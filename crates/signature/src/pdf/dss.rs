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
    /// Whether something in it could not be read.
    pub(super) is_damaged: bool,
}

impl<'a> Dss<'a> {
    /// The store at this state; empty if there is none.
    pub(super) fn read(reader: &Reader<'a>, state: State) -> Self {
        let mut dss = Self::default();
        let store = reader.catalog(state).and_then(|catalog| reader.resolve(state, catalog.get(b"DSS")));
        match store {
            Ok(Object::Null) => {}
            Ok(Object::Dict(store)) => {
                dss.certificates = dss.values(reader, state, &store, b"Certs");
                dss.crls = dss.values(reader, state, &store, b"CRLs");
                dss.ocsp = dss.values(reader, state, &store, b"OCSPs");
            }
            _ => dss.is_damaged = true,
        }
        dss
    }

    fn values(
        &mut self,
        reader: &Reader<'a>,
        state: State,
        store: &Dict<'_>,
        key: &[u8],
    ) -> Vec<Cow<'a, [u8]>> {
        let list = reader.resolve_array(state, store.get(key)).unwrap_or_default();
        self.is_damaged |= list.len() > MAX_VALUES;
        let mut values = Vec::new();
        for item in list.iter().take(MAX_VALUES) {
            match value(reader, state, item) {
                Ok(Some(value)) => values.push(value),
                _ => self.is_damaged = true,
            }
        }
        values
    }

    /// Whether there is revocation data that may be about a certificate of this issuer (DER of its name).
    pub(super) fn is_about(&self, issuer: &[u8]) -> bool {
        !self.ocsp.is_empty() || self.crls.iter().any(|crl| issuer_of(crl) == Some(issuer))
    }

    pub(super) fn has_revocation(&self) -> bool {
        !self.ocsp.is_empty() || !self.crls.is_empty()
    }
}

fn value<'a>(reader: &Reader<'a>, state: State, item: &Object<'_>) -> Result<Option<Cow<'a, [u8]>>> {
    let Some(id) = item.as_ref() else { return Ok(None) };
    match reader.stream(state, id)? {
        Some((dict, data)) => reader.decode(&dict, data, MAX_VALUE).map(Some),
        None => Ok(None),
    }
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
