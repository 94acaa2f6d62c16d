//! Delta lists (RFC 5280 5.2.4): what changed since a complete list. A [`VerifiedDeltaList`] exists only through
//! verification under a trust anchor, says nothing of any certificate by itself, and never stands for a complete list: it
//! is applied to one ([`crate::VerifiedRevocationList::apply_delta`]).

use std::fmt;
use std::ops::ControlFlow;

use musubi_crypto::Sha256Digest;
use musubi_kernel::UnixTime;

use crate::anchors::TrustAnchors;
use crate::crl_error::CrlError;
use crate::key::AuthorityKind;
use crate::list_description::Description;
use crate::revocation_list::{ListScope, read_list};
use crate::revocation_list_reader::Wanted;
use crate::source::{Digests, Report, Source};
use crate::status_set::{
    Collector, Cursor, Draft, Duplicates, Key, Moment, REMOVE_FROM_CRL, StatusSet, Tree, View,
};

/// A delta list that an authority signed.
#[derive(Clone)]
pub struct VerifiedDeltaList {
    authority: AuthorityKind,
    key_id: String,
    base_number: u64,
    pub(crate) told: Description,
    /// Entries with the code of `removeFromCRL` take away, others add or change.
    set: StatusSet,
}

impl VerifiedDeltaList {
    /// Reads and verifies one delta list, all of `der`, of at most `limit` bytes.
    ///
    /// # Errors
    /// [`CrlError`]; [`CrlError::NotADelta`] for a complete list.
    pub fn parse_and_verify(der: &[u8], anchors: &TrustAnchors, limit: usize) -> Result<Self, CrlError> {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        Self::read_and_verify(&der, None, anchors, limit, &mut |_| ControlFlow::Continue(()))
    }

    /// Reads and verifies one delta list, as [`crate::VerifiedRevocationList::read_and_verify`] does a complete one.
    ///
    /// # Errors
    /// [`CrlError`]; [`CrlError::NotADelta`] for a complete list.
    pub fn read_and_verify(
        source: &dyn Source,
        digests: Option<Digests>,
        anchors: &TrustAnchors,
        limit: u64,
        progress: &mut Report<'_>,
    ) -> Result<Self, CrlError> {
        let read = read_list(source, digests, Wanted::Delta, anchors, limit, progress)?;
        Ok(Self {
            authority: read.anchor.kind(),
            key_id: read.anchor.key_id(),
            base_number: read.base.ok_or(CrlError::NotADelta)?,
            told: read.told,
            set: read.set,
        })
    }

    /// The authority that issued it.
    #[must_use]
    pub fn authority(&self) -> AuthorityKind {
        self.authority
    }

    /// The key identifier of the issuing generation, lower-case hex.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Which certificates it is about.
    #[must_use]
    pub fn scope(&self) -> &ListScope {
        &self.told.scope
    }

    /// `cRLNumber`: that of the complete list that it leads to.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.told.number
    }

    /// `BaseCRLNumber`: it has every change since the complete list of this number.
    #[must_use]
    pub fn base_number(&self) -> u64 {
        self.base_number
    }

    /// When it was issued.
    #[must_use]
    pub fn this_update(&self) -> UnixTime {
        self.told.this_update
    }

    /// By when there is a newer one.
    #[must_use]
    pub fn next_update(&self) -> UnixTime {
        self.told.next_update
    }

    /// SHA-256 of its DER.
    #[must_use]
    pub fn sha256(&self) -> &Sha256Digest {
        &self.told.sha256
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The set with this delta applied, in two passes through both.
    pub(crate) fn applied_to(&self, base: &StatusSet, told: &Description) -> Result<StatusSet, CrlError> {
        let (base, delta) = (base.view(), self.set.view());
        let mut collector = Collector::new(Duplicates::Refuse);
        let mut times: Option<(UnixTime, UnixTime)> = None;
        for (key, moment) in Applied::new(base, delta) {
            collector.add(key)?;
            let (first, last) = times.unwrap_or((moment.at, moment.at));
            times = Some((first.min(moment.at), last.max(moment.at)));
        }
        let times = times.unwrap_or((UnixTime(0), UnixTime(0)));
        let mut draft = Draft::of(collector, &told.encode(), Some(times), Tree::Present)?;
        let mut filler = draft.filler();
        for (key, moment) in Applied::new(base, delta) {
            filler.put(key, moment)?;
        }
        filler.finish()?;
        // Made here, so that it is in order.
        StatusSet::made(draft.sealed()).map_err(|_| CrlError::Malformed)
    }
}

impl fmt::Debug for VerifiedDeltaList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedDeltaList")
            .field("authority", &self.authority)
            .field("key_id", &self.key_id)
            .field("base_number", &self.base_number)
            .field("number", &self.told.number)
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

/// The entries of a base and a delta together, in order.
struct Applied<'a> {
    base: (View<'a>, std::iter::Peekable<Cursor<'a>>),
    delta: (View<'a>, std::iter::Peekable<Cursor<'a>>),
}

impl<'a> Applied<'a> {
    fn new(base: View<'a>, delta: View<'a>) -> Self {
        let entries = |view| (view, Cursor::start(view).peekable());
        Self { base: entries(base), delta: entries(delta) }
    }
}

impl Iterator for Applied<'_> {
    type Item = (Key, Moment);

    #[inline]
    fn next(&mut self) -> Option<(Key, Moment)> {
        loop {
            let changed = self.delta.1.peek().map(|(key, _)| *key);
            let from_base = match (self.base.1.peek(), changed) {
                (Some((key, _)), Some(changed)) => *key < changed,
                (base, _) => base.is_some(),
            };
            if from_base {
                let (key, fact) = self.base.1.next()?;
                return Some((key, self.base.0.moment(fact)));
            }
            let (key, fact) = self.delta.1.next()?;
            self.base.1.next_if(|(base, _)| *base == key);
            let moment = self.delta.0.moment(fact);
            if moment.code != REMOVE_FROM_CRL {
                return Some((key, moment));
            }
        }
    }
}
