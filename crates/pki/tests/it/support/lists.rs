//! Revocation lists.

use std::sync::Arc;

use const_oid::ObjectIdentifier;
use musubi_kernel::UnixTime;
use musubi_pki::*;

use super::authority::{Authority, oid_table, rsa_sha256};
use super::der::*;
use super::{DAY, HOUR, NOW, anchors, sign};

/// What goes into a list: a fresh, empty, full one until a test changes it.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) authority: Authority,
    pub(crate) version: Vec<u8>,
    pub(crate) algorithm: Vec<u8>,
    pub(crate) outer_algorithm: Option<Vec<u8>>,
    pub(crate) this_update: UnixTime,
    /// DER; empty: absent.
    pub(crate) next_update: Vec<u8>,
    /// Each DER.
    pub(crate) entries: Vec<Vec<u8>>,
    pub(crate) extensions: Vec<(ObjectIdentifier, bool, Vec<u8>)>,
}

/// `reasonCode`.
pub(crate) fn reason(code: u8) -> Vec<u8> {
    extension(oid_table::REASON_CODE, false, &tlv(0x0A, &[code]))
}

pub(crate) fn entry_with(serial: &[u8], at: UnixTime, extensions: &[Vec<u8>]) -> Vec<u8> {
    let extensions = if extensions.is_empty() { Vec::new() } else { seq(&[&extensions.concat()]) };
    seq(&[&integer(serial), &utc_time(at), &extensions])
}

pub(crate) fn entry(serial: &[u8], at: UnixTime, why: RevocationReason) -> Vec<u8> {
    entry_with(serial, at, &[reason(why.code())])
}

impl List {
    pub(crate) fn of(authority: &Authority) -> Self {
        Self {
            authority: authority.clone(),
            version: integer(&[1]),
            algorithm: rsa_sha256(),
            outer_algorithm: None,
            this_update: NOW.plus(-HOUR),
            next_update: utc_time(NOW.plus(DAY)),
            entries: Vec::new(),
            extensions: vec![
                (oid_table::AUTHORITY_KEY_IDENTIFIER, false, authority.key_identifier()),
                (oid_table::CRL_NUMBER, false, integer(&[0x01, 0x2C])),
            ],
        }
    }

    pub(crate) fn with(mut self, id: ObjectIdentifier, critical: bool, value: Vec<u8>) -> Self {
        self.extensions.retain(|(other, ..)| *other != id);
        self.extensions.push((id, critical, value));
        self
    }

    pub(crate) fn without(mut self, id: ObjectIdentifier) -> Self {
        self.extensions.retain(|(other, ..)| *other != id);
        self
    }

    pub(crate) fn numbered(self, number: u8) -> Self {
        self.with(oid_table::CRL_NUMBER, false, integer(&[number]))
    }

    /// `issuingDistributionPoint` with these fields.
    pub(crate) fn distribution_point(self, critical: bool, fields: &[u8]) -> Self {
        self.with(oid_table::ISSUING_DISTRIBUTION_POINT, critical, seq(&[fields]))
    }

    pub(crate) fn partition(self, directory_name: &[u8]) -> Self {
        self.distribution_point(true, &ctx(0, &ctx(0, &ctx(4, directory_name))))
    }

    pub(crate) fn updates(mut self, this_update: UnixTime, next_update: UnixTime) -> Self {
        self.this_update = this_update;
        self.next_update = utc_time(next_update);
        self
    }

    pub(crate) fn entry(mut self, entry: Vec<u8>) -> Self {
        self.entries.push(entry);
        self
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let extensions: Vec<Vec<u8>> =
            self.extensions.iter().map(|(id, critical, value)| extension(*id, *critical, value)).collect();
        let extensions =
            if extensions.is_empty() { Vec::new() } else { ctx(0, &seq(&[&extensions.concat()])) };
        let entries = if self.entries.is_empty() { Vec::new() } else { seq(&[&self.entries.concat()]) };
        let tbs = seq(&[
            &self.version,
            &self.algorithm,
            &self.authority.name,
            &utc_time(self.this_update),
            &self.next_update,
            &entries,
            &extensions,
        ]);
        let outer = self.outer_algorithm.as_ref().unwrap_or(&self.algorithm);
        seq(&[&tbs, outer, &bits(&sign(self.authority.key, &tbs))])
    }

    pub(crate) fn read(&self) -> Result<VerifiedRevocationList, CrlError> {
        VerifiedRevocationList::parse_and_verify(&self.der(), &anchors(), MAX_LIST_BYTES)
    }

    pub(crate) fn verified(&self) -> Arc<VerifiedRevocationList> {
        Arc::new(self.read().unwrap())
    }
}
