//! The time-stamps of a signer (EN 319 122-1 5.2.8, 5.3, 5.5.3, A.1.5, A.2): where they stand and what each must be over.
//! Looks into none of them but for the index of an archive time-stamp.

use std::borrow::Cow;
use std::cell::Cell;

use super::ber::Work;
use super::signature::borrowed;
use super::signed_data::{SignedContent, SignedData};
use super::signer_info::{SignedAttributes, SignerInfo, UnsignedValue};
use super::{archive, oid};
use crate::model::{Covered, FoundTimestamp, NotASignature, TimestampKind};

/// Time-stamps of one message.
const MAX_TIMESTAMPS: usize = 64;
/// Archive time-stamps of one message; each is over everything in it.
const MAX_ARCHIVE_TIMESTAMPS: usize = 16;
/// Content time-stamps of one message; each is over the content.
const MAX_CONTENT_TIMESTAMPS: usize = 8;

/// Time-stamps so far, of all signers of a message.
#[derive(Default)]
pub(super) struct Counts {
    all: Cell<usize>,
    archive: Cell<usize>,
    content: Cell<usize>,
}

impl Counts {
    fn add(&self, kind: TimestampKind) -> Result<(), NotASignature> {
        one_more(&self.all, "time-stamps", MAX_TIMESTAMPS)?;
        match kind {
            TimestampKind::Archive => one_more(&self.archive, "archive time-stamps", MAX_ARCHIVE_TIMESTAMPS),
            TimestampKind::Content => one_more(&self.content, "content time-stamps", MAX_CONTENT_TIMESTAMPS),
            TimestampKind::Signature | TimestampKind::Other => Ok(()),
        }
    }
}

fn one_more(so_far: &Cell<usize>, what: &'static str, limit: usize) -> Result<(), NotASignature> {
    so_far.set(so_far.get() + 1);
    if so_far.get() > limit { Err(NotASignature::TooMuch { what, limit }) } else { Ok(()) }
}

/// A signer and what time-stamps can be over.
pub(super) struct Stamped<'s, 'a> {
    pub(super) data: &'s SignedData<'a>,
    pub(super) content: &'s SignedContent<'a>,
    pub(super) signer: &'s SignerInfo<'a>,
    pub(super) attributes: Option<&'s SignedAttributes<'a>>,
    pub(super) unsigned: &'s [UnsignedValue<'a>],
}

impl<'a> Stamped<'_, 'a> {
    /// Every time-stamp, those in signed attributes first.
    pub(super) fn time_stamps(
        &self,
        location: &str,
        counts: &Counts,
        work: &Work,
    ) -> Result<Vec<FoundTimestamp<'a>>, NotASignature> {
        let mut found: Vec<FoundTimestamp<'a>> = Vec::new();
        let mut add = |kind, name, token: &'a [u8], covered| {
            let number = found.len() + 1;
            let location = format!("{location}, time-stamp {number} ({name})");
            let covers = Vec::new();
            found.push(FoundTimestamp { kind, location, token: Cow::Borrowed(token), covered, covers });
        };
        // Where each time-stamp stands among the unsigned values, and which of these each one covers.
        let mut places: Vec<(Option<usize>, Vec<usize>)> = Vec::new();
        for token in self.attributes.into_iter().flat_map(|a| a.all(oid::CONTENT_TIME_STAMP)) {
            counts.add(TimestampKind::Content)?;
            let covered = Covered::Parts(borrowed(self.content.pieces()));
            add(TimestampKind::Content, "content-time-stamp", token.raw, covered);
            places.push((None, Vec::new()));
        }
        for (place, value) in self.unsigned.iter().enumerate() {
            let (kind, name) = match value.id {
                oid::SIGNATURE_TIME_STAMP => (TimestampKind::Signature, "signature-time-stamp"),
                oid::ARCHIVE_TIME_STAMP_V3 => (TimestampKind::Archive, "archive-time-stamp-v3"),
                oid::ARCHIVE_TIME_STAMP_V2 => (TimestampKind::Other, "archive-time-stamp-v2"),
                oid::ARCHIVE_TIME_STAMP => (TimestampKind::Other, "archive-time-stamp"),
                oid::ESC_TIME_STAMP => (TimestampKind::Other, "CAdES-C-timestamp"),
                oid::CERT_CRL_TIME_STAMP => (TimestampKind::Other, "time-stamped-certs-crls-references"),
                _ => continue,
            };
            counts.add(kind)?;
            let (covered, named) = match kind {
                TimestampKind::Signature => {
                    (Covered::Parts(vec![Cow::Borrowed(self.signer.signature)]), Vec::new())
                }
                TimestampKind::Archive => archive::covered(value.value, self, work),
                _ => (Covered::Unusable("of a kind that proves nothing here"), Vec::new()),
            };
            add(kind, name, value.value.raw, covered);
            places.push((Some(place), named));
        }
        for (stamp, (_, named)) in found.iter_mut().zip(&places) {
            if stamp.kind == TimestampKind::Archive && matches!(stamp.covered, Covered::Parts(_)) {
                // Those in signed attributes it covers with the signer's fields.
                let is_covered = |place: &Option<usize>| place.is_none_or(|place| named.contains(&place));
                let covered = places.iter().enumerate().filter(|(_, (place, _))| is_covered(place));
                stamp.covers = covered.map(|(position, _)| position).collect();
            }
        }
        Ok(found)
    }
}
