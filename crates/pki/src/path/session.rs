//! One judgement at work: the certificates at hand, the one account of work, and what was verified so far, which only
//! saves work.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::build::{Edge, FoundPath};
use super::facts::{Demand, PathFacts};
use super::pool::{Issuer, Pool};
use super::status::{Exhausted, IssuerKey, Status, Unusable};
use super::work::Work;
use super::{KeyUsage, Times, algorithms, crl, name_constraints, ocsp, policies};
use crate::policy::{RevocationMode, ValidationPolicy};

pub(super) struct Session<'s, 'a> {
    pub(super) pool: &'s Pool<'a>,
    pub(super) policy: &'s ValidationPolicy,
    /// The policy for the signers of revocation data, of whose certificate policies nothing is asked.
    pub(super) policy_for_signers: &'s ValidationPolicy,
    pub(super) times: Times,
    pub(super) lists: &'s [crl::List<'a>],
    pub(super) responses: &'s [ocsp::Response<'a>],
    /// Why evidence could not be read.
    pub(super) unreadable: &'s [Unusable],
    pub(super) work: Work,
    /// Who may have issued the certificate at a position, in order.
    issuers: BTreeMap<usize, Rc<[Issuer]>>,
    /// By the position of the certificate and the number of the key.
    edges: BTreeMap<(usize, usize), Edge>,
    /// By the position of the certificate, its issuer and the anchor.
    statuses: BTreeMap<(usize, Issuer, usize), Status>,
    /// The anchor of the path that is judged.
    pub(super) anchor: usize,
    /// The certificates whose status is being asked, outermost first.
    pub(super) asking: Vec<usize>,
    /// The signers of revocation data that are being judged, outermost first.
    pub(super) trusting: Vec<usize>,
}

/// The evidence about revocation, read once.
#[derive(Default)]
pub(super) struct RevocationData<'a> {
    pub(super) lists: Vec<crl::List<'a>>,
    pub(super) responses: Vec<ocsp::Response<'a>>,
    pub(super) unreadable: Vec<Unusable>,
}

impl<'s, 'a> Session<'s, 'a> {
    pub(super) fn new(
        pool: &'s Pool<'a>,
        policies: (&'s ValidationPolicy, &'s ValidationPolicy),
        times: Times,
        data: &'s RevocationData<'a>,
    ) -> Self {
        Self {
            pool,
            policy: policies.0,
            policy_for_signers: policies.1,
            times,
            lists: &data.lists,
            responses: &data.responses,
            unreadable: &data.unreadable,
            work: Work::within(policies.0.budget),
            issuers: BTreeMap::new(),
            edges: BTreeMap::new(),
            statuses: BTreeMap::new(),
            anchor: 0,
            asking: Vec::new(),
            trusting: Vec::new(),
        }
    }

    pub(super) fn max_path_length(&self) -> usize {
        usize::try_from(self.policy.budget.max_path_length).unwrap_or(usize::MAX)
    }

    /// Who may have issued the certificate, the most promising first; each list is made once.
    pub(super) fn issuers(&mut self, position: usize) -> Rc<[Issuer]> {
        let (pool, control) = (self.pool, self.times.control());
        let made = self.issuers.entry(position).or_insert_with(|| pool.issuers(position, control).into());
        Rc::clone(made)
    }

    /// Whether the certificate is signed under the issuer's key; each pair is verified once.
    pub(super) fn edge(&mut self, child: usize, issuer: Issuer) -> Result<Edge, Exhausted> {
        let (Some(certificate), Some(identity)) = (self.pool.certificate(child), self.pool.identity(issuer))
        else {
            return Ok(Edge::Bad);
        };
        if let Some(known) = self.edges.get(&(child, identity.key)) {
            return Ok(*known);
        }
        let edge = match (self.pool.key(issuer), certificate.signature_algorithm) {
            // A key that no policy accepts is not worth a verification.
            (Some(Ok(key)), Ok(_)) if !algorithms::is_key_accepted(key, self.policy) => Edge::Unverifiable,
            (Some(Ok(key)), Ok(_)) => {
                self.work.signature(key)?;
                if certificate.is_signed_by(key) { Edge::Verified } else { Edge::Bad }
            }
            _ => Edge::Unverifiable,
        };
        self.edges.insert((child, identity.key), edge);
        Ok(edge)
    }

    /// Who issued the certificate at `index` of a path that is given from the certificate in question up.
    fn issuer_in(path: &FoundPath, index: usize) -> Option<Issuer> {
        match path.certificates.get(index + 1) {
            Some(above) => Some(Issuer::Certificate(*above)),
            None => path.anchor.map(Issuer::Anchor),
        }
    }

    /// Everything about a path but its revocation.
    pub(super) fn gather(
        &mut self,
        path: &FoundPath,
        demand: &Demand<'_>,
    ) -> Result<PathFacts<'s, 'a>, Exhausted> {
        let mut facts = self.ungathered(path);
        for (index, position) in path.certificates.iter().enumerate().rev() {
            if let Some(issuer) = Self::issuer_in(path, index) {
                facts.edges.push(self.edge(*position, issuer)?);
                let own = self.pool.identity(Issuer::Certificate(*position));
                let above = self.pool.identity(issuer);
                facts
                    .names_chain
                    .push(own.zip(above).is_some_and(|(own, above)| own.issuer == above.subject));
            }
        }
        if facts.anchor.is_some() {
            facts.policies = Some(policies::process(&facts.certificates, demand.policy, &mut self.work)?);
            facts.name_fault = Some(name_constraints::process(&facts.certificates, &mut self.work)?);
        }
        Ok(facts)
    }

    /// A path of which nothing is known but its certificates.
    pub(super) fn ungathered(&self, path: &FoundPath) -> PathFacts<'s, 'a> {
        let pool = self.pool;
        let certificates = path.certificates.iter().rev().filter_map(|position| pool.certificate(*position));
        PathFacts {
            certificates: certificates.collect(),
            edges: Vec::new(),
            names_chain: Vec::new(),
            anchor: path.anchor.and_then(|position| pool.anchors.get(position)),
            policies: None,
            name_fault: None,
            statuses: None,
            candidates: pool.certificates.len().saturating_sub(1),
            is_exhausted: self.work.is_exhausted(),
            work: self.work.done(),
        }
    }

    /// The status of every certificate of a path, from the anchor's child down; `None` if none is to be asked for.
    pub(super) fn statuses(&mut self, path: &FoundPath, facts: &PathFacts<'s, 'a>) -> Option<Vec<Status>> {
        let anchor = path.anchor?;
        if self.policy.revocation == RevocationMode::Off
            || facts.edges.iter().any(|edge| *edge != Edge::Verified)
        {
            return None;
        }
        self.anchor = anchor;
        let positions = path.certificates.iter().enumerate().rev();
        Some(positions.map(|(index, position)| self.status_in(path, index, *position)).collect())
    }

    /// The status of the certificate at `index` of the path.
    pub(super) fn status_in(&mut self, path: &FoundPath, index: usize, position: usize) -> Status {
        let unknown = || Status::Unknown(vec![Unusable::Unauthorized]);
        let Some(above) = Self::issuer_in(path, index) else { return unknown() };
        let Some((issuer, certificate)) = self.issuer_key(above).zip(self.pool.certificate(position)) else {
            return unknown();
        };
        let memo = (position, above, self.anchor);
        if let Some(known) = self.statuses.get(&memo) {
            return known.clone();
        }
        // A signer of lists about itself, or about an authority above itself, says nothing.
        if self.asking.contains(&position) {
            return unknown();
        }
        self.asking.push(position);
        let status = self.ask(certificate, issuer);
        self.asking.pop();
        // Within the judgement of a signer an answer may hang on what is being judged; then it is not kept.
        if self.trusting.is_empty() {
            self.statuses.insert(memo, status.clone());
        }
        status
    }

    fn issuer_key(&self, issuer: Issuer) -> Option<IssuerKey<'s>> {
        let pool = self.pool;
        match issuer {
            Issuer::Anchor(position) => {
                let anchor = pool.anchors.get(position)?;
                Some(IssuerKey {
                    name: &anchor.name,
                    key: anchor.key.as_ref().ok()?,
                    key_bits: &anchor.key_bits,
                    key_id: anchor.key_id.as_deref(),
                    may_sign_crls: anchor.may_sign_crls,
                })
            }
            Issuer::Certificate(position) => {
                let certificate = pool.certificate(position)?;
                Some(IssuerKey {
                    name: certificate.subject,
                    key: certificate.public_key.as_ref().ok()?,
                    key_bits: certificate.key_bits,
                    key_id: certificate.extensions.subject_key_id,
                    may_sign_crls: certificate.permits(KeyUsage::CrlSign),
                })
            }
        }
    }
}
