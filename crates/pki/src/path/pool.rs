//! Every certificate at hand, read once, with its names and its key numbered, so that building compares numbers. What
//! cannot be read is passed over: it is no evidence.

use std::collections::{BTreeMap, BTreeSet};

use musubi_crypto::PublicKey;
use musubi_kernel::UnixTime;

use super::anchors::PathAnchor;
use super::certificate::PathCertificate;
use super::general_name::ComparableName;
use crate::certificate::UnusableKey;

/// The position of the leaf.
pub(super) const LEAF: usize = 0;

/// Numbers for names and a key; equal numbers are equal names (RFC 5280 7.1) and equal keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) subject: usize,
    pub(super) issuer: usize,
    pub(super) key: usize,
}

impl Identity {
    /// Whether both are one entity: the same name with the same key.
    pub(super) fn is_same_entity(self, other: Self) -> bool {
        self.subject == other.subject && self.key == other.key
    }
}

/// Who may have issued a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Issuer {
    /// The anchor at this position.
    Anchor(usize),
    /// The certificate at this position.
    Certificate(usize),
}

pub(super) struct Pool<'a> {
    /// The leaf, the intermediates, the anchors' own, each once.
    pub(super) certificates: Vec<PathCertificate<'a>>,
    identities: Vec<Identity>,
    pub(super) anchors: &'a [PathAnchor],
    anchor_identities: Vec<Identity>,
    /// By the number of their name: anchors and certificates.
    by_subject: BTreeMap<usize, Vec<Issuer>>,
    /// Whether there were more candidates than are read.
    pub(super) is_cut_short: bool,
}

#[derive(Default)]
struct Numbers {
    names: BTreeMap<ComparableName, usize>,
    keys: BTreeMap<Vec<u8>, usize>,
}

impl Numbers {
    fn name(&mut self, der: &[u8]) -> Option<usize> {
        Some(self.read_name(&ComparableName::read(der).ok()?))
    }

    fn read_name(&mut self, name: &ComparableName) -> usize {
        let next = self.names.len();
        match self.names.get(name) {
            Some(number) => *number,
            None => *self.names.entry(name.clone()).or_insert(next),
        }
    }

    fn key(&mut self, key: &Result<PublicKey, UnusableKey>, key_bits: &[u8]) -> usize {
        let next = self.keys.len();
        // A key that is not verified must never be taken for one that is.
        let bytes = key.as_ref().map_or_else(|_| [&[0], key_bits].concat(), |key| key.spki_der().to_vec());
        *self.keys.entry(bytes).or_insert(next)
    }

    fn certificate(&mut self, certificate: &PathCertificate<'_>) -> Option<Identity> {
        Some(Identity {
            subject: self.name(certificate.subject)?,
            issuer: self.name(certificate.issuer)?,
            key: self.key(&certificate.public_key, certificate.key_bits),
        })
    }
}

impl<'a> Pool<'a> {
    /// Reads at most `limit` of the intermediates. `None` if the leaf's names cannot be read.
    pub(super) fn of(
        leaf: PathCertificate<'a>,
        intermediates: &[&'a [u8]],
        anchors: &'a [PathAnchor],
        limit: usize,
    ) -> Option<Self> {
        let mut numbers = Numbers::default();
        let mut pool = Self {
            identities: vec![numbers.certificate(&leaf)?],
            certificates: vec![leaf],
            anchors,
            anchor_identities: Vec::new(),
            by_subject: BTreeMap::new(),
            is_cut_short: intermediates.len() > limit,
        };
        let mut seen = BTreeSet::from([pool.certificates.first()?.der]);
        for der in intermediates.iter().copied().take(limit) {
            pool.add(der, None, &mut seen, &mut numbers);
        }
        for (position, anchor) in anchors.iter().enumerate() {
            let subject = numbers.read_name(&anchor.comparable_name);
            let key = numbers.key(&anchor.key, &anchor.key_bits);
            pool.anchor_identities.push(Identity { subject, issuer: subject, key });
            pool.by_subject.entry(subject).or_default().push(Issuer::Anchor(position));
        }
        pool.add_own_of_anchors(&mut seen, &mut numbers);
        for (position, identity) in pool.identities.iter().enumerate() {
            pool.by_subject.entry(identity.subject).or_default().push(Issuer::Certificate(position));
        }
        Some(pool)
    }

    /// `key` is the certificate's, if it was read before.
    fn add(
        &mut self,
        der: &'a [u8],
        key: Option<&PublicKey>,
        seen: &mut BTreeSet<&'a [u8]>,
        numbers: &mut Numbers,
    ) {
        if !seen.insert(der) {
            return;
        }
        let Ok(certificate) = PathCertificate::parse_with_key(der, key) else { return };
        let Some(identity) = numbers.certificate(&certificate) else { return };
        self.certificates.push(certificate);
        self.identities.push(identity);
    }

    /// The anchors' own certificates, as far as they can matter: an anchor that another one certified, and one that
    /// signs lists, stands above something that is here. Sets of anchors are large and mostly beside the matter.
    fn add_own_of_anchors(&mut self, seen: &mut BTreeSet<&'a [u8]>, numbers: &mut Numbers) {
        let mut looked_at = 0;
        let mut issuers = BTreeSet::new();
        while let Some(identity) = self.identities.get(looked_at) {
            looked_at += 1;
            if !issuers.insert(identity.issuer) {
                continue;
            }
            for issuer in self.by_subject.get(&identity.issuer).cloned().unwrap_or_default() {
                let Issuer::Anchor(position) = issuer else { continue };
                if let Some(anchor) = self.anchors.get(position) {
                    self.add(&anchor.der, anchor.key.as_ref().ok(), seen, numbers);
                }
            }
        }
    }

    pub(super) fn certificate(&self, position: usize) -> Option<&PathCertificate<'a>> {
        self.certificates.get(position)
    }

    pub(super) fn position_of(&self, der: &[u8]) -> Option<usize> {
        self.certificates.iter().position(|certificate| certificate.der == der)
    }

    pub(super) fn identity(&self, issuer: Issuer) -> Option<Identity> {
        match issuer {
            Issuer::Anchor(position) => self.anchor_identities.get(position).copied(),
            Issuer::Certificate(position) => self.identities.get(position).copied(),
        }
    }

    pub(super) fn key(&self, issuer: Issuer) -> Option<&Result<PublicKey, UnusableKey>> {
        match issuer {
            Issuer::Anchor(position) => self.anchors.get(position).map(|anchor| &anchor.key),
            Issuer::Certificate(position) => self.certificate(position).map(|c| &c.public_key),
        }
    }

    /// Who has the name of the certificate's issuer, the most promising first. Key identifiers and all else only
    /// order: whoever is left out by a hint that lies would be a way to hide the right path.
    pub(super) fn issuers(&self, position: usize, control: UnixTime) -> Vec<Issuer> {
        let (Some(child), Some(identity)) = (self.certificate(position), self.identities.get(position))
        else {
            return Vec::new();
        };
        let mut out = self.by_subject.get(&identity.issuer).cloned().unwrap_or_default();
        out.sort_by_cached_key(|issuer| self.hint(child, *issuer, control));
        out
    }

    /// The smaller the more promising; the order in which they came decides between equals.
    fn hint(&self, child: &PathCertificate<'_>, issuer: Issuer, control: UnixTime) -> [u8; 5] {
        let named = child.extensions.authority_key_id.as_ref();
        let by_key = |key_id: Option<&[u8]>| match (named.and_then(|id| id.key_id), key_id) {
            (Some(named), Some(key_id)) if named == key_id => 0,
            (Some(_), Some(_)) => 2,
            _ => 1,
        };
        match issuer {
            Issuer::Anchor(position) => {
                let anchor = self.anchors.get(position);
                let is_current = anchor.is_some_and(|a| a.not_before <= control && control <= a.not_after);
                [by_key(anchor.and_then(|a| a.key_id.as_deref())), 0, u8::from(!is_current), 0, 0]
            }
            Issuer::Certificate(position) => {
                let Some(candidate) = self.certificate(position) else { return [u8::MAX; 5] };
                let is_current = candidate.not_before <= control && control <= candidate.not_after;
                let is_authority = candidate.extensions.basic_constraints.is_some_and(|b| b.is_ca);
                let identity = self.identities.get(position);
                let is_self_issued = identity.is_some_and(|i| i.subject == i.issuer);
                let serial = named.and_then(|id| id.serial);
                let is_other_serial = serial.is_some_and(|serial| serial != candidate.serial);
                [
                    by_key(candidate.extensions.subject_key_id),
                    1 + u8::from(!is_authority),
                    u8::from(!is_current),
                    u8::from(is_self_issued),
                    u8::from(is_other_serial),
                ]
            }
        }
    }
}
