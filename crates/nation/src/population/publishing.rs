//! Revocation lists of a population, of any of its instants: full, of one municipality, and delta lists between two
//! instants. The authorities' keys follow from the seed and are derived when a list is first signed.

use std::io;
use std::sync::Arc;

use musubi_crypto::SignError;
use musubi_kernel::UnixTime;
use musubi_pki::AuthorityKind;

use super::register::Generation;
use super::{KINDS, Population};
use crate::keys::{NationKey, authority_label, derive};
use crate::list_writer::{Entry, ListHead, Scope, WriteError, Written, merged, write_list};
use crate::lists::LIST_LIFETIME;
use crate::profile::{Issuer, Validity, authority_certificate};

/// Which list is written.
#[derive(Debug, Clone, Copy)]
pub struct ListOf {
    /// The authority.
    pub authority: AuthorityKind,
    /// Its generation, from 1.
    pub generation: i64,
    /// What it is about.
    pub scope: Scope,
    /// Its CRLNumber.
    pub number: u64,
    /// The instant whose state it gives; nextUpdate is 48 hours later. Not after the present.
    pub at: UnixTime,
}

impl Population {
    fn generation(&self, kind: AuthorityKind, number: i64) -> Option<&Generation> {
        self.register(kind).generations.iter().find(|generation| generation.number == number)
    }

    fn key(&self, kind: AuthorityKind, generation: i64) -> Result<Arc<NationKey>, SignError> {
        derive(self.seed, &authority_label(kind, generation))
    }

    /// The generations of an authority that have begun and not ended.
    #[must_use]
    pub fn generations(&self, kind: AuthorityKind) -> Vec<i64> {
        let lasting = |generation: &&Generation| self.now <= generation.not_after;
        self.register(kind).generations.iter().filter(lasting).map(|generation| generation.number).collect()
    }

    /// The authorities' certificates, DER, all generations that have begun.
    ///
    /// # Errors
    /// [`SignError`]: a fault of this program.
    pub fn trust_anchors(&self) -> Result<Vec<(AuthorityKind, Vec<u8>)>, SignError> {
        let mut anchors = Vec::new();
        for kind in KINDS {
            for generation in &self.register(kind).generations {
                let key = self.key(kind, generation.number)?;
                let serial = self.register(kind).serial(generation.first);
                let issuer = Issuer { kind, serial, key: &key, key_id: key.key_id() };
                let validity = Validity { not_before: generation.begun, not_after: generation.not_after };
                anchors.push((kind, authority_certificate(&issuer, validity)?));
            }
        }
        Ok(anchors)
    }

    /// Lower-case hex of a generation's key identifier.
    ///
    /// # Errors
    /// [`SignError`]: a fault of this program.
    pub fn key_id(&self, kind: AuthorityKind, generation: i64) -> Result<String, SignError> {
        Ok(hex::encode(self.key(kind, generation)?.key_id()))
    }

    /// What a list of a past or present instant has, by serial number: everything revoked until then whose certificate
    /// has not ended.
    pub fn entries(
        &self,
        kind: AuthorityKind,
        generation: i64,
        scope: Scope,
        at: UnixTime,
    ) -> impl Iterator<Item = Entry> + Clone + '_ {
        self.register(kind).entries(generation, at, scope)
    }

    /// What a delta list between two instants has: what came onto the list, and what left it since its certificate
    /// ended.
    pub fn changes(
        &self,
        kind: AuthorityKind,
        generation: i64,
        scope: Scope,
        between: (UnixTime, UnixTime),
    ) -> impl Iterator<Item = Entry> + Clone + '_ {
        let register = self.register(kind);
        merged(register.added(generation, between, scope), register.removed(generation, between, scope))
    }

    fn head(&self, list: &ListOf, base: Option<u64>) -> Option<ListHead> {
        self.generation(list.authority, list.generation).map(|_| ListHead {
            authority: list.authority,
            number: list.number,
            this_update: list.at,
            next_update: list.at.plus(LIST_LIFETIME),
            scope: list.scope,
            base,
        })
    }

    /// Writes a complete list, DER, in bounded memory. Nothing is written of a generation that has not begun.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_list(&self, sink: &mut dyn io::Write, list: &ListOf) -> Result<Option<Written>, WriteError> {
        let Some(head) = self.head(list, None) else { return Ok(None) };
        let key = self.key(list.authority, list.generation)?;
        let entries = self.entries(list.authority, list.generation, list.scope, list.at);
        write_list(sink, &key, &head, entries, &mut |_, _| ()).map(Some)
    }

    /// Writes the delta list that leads from the complete list `base` (number and instant) to `list`.
    ///
    /// # Errors
    /// [`WriteError`].
    pub fn write_delta(
        &self,
        sink: &mut dyn io::Write,
        list: &ListOf,
        base: (u64, UnixTime),
    ) -> Result<Option<Written>, WriteError> {
        let Some(head) = self.head(list, Some(base.0)) else { return Ok(None) };
        let key = self.key(list.authority, list.generation)?;
        let changes = self.changes(list.authority, list.generation, list.scope, (base.1, list.at));
        write_list(sink, &key, &head, changes, &mut |_, _| ()).map(Some)
    }
}
