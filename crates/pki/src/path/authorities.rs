//! The driver of revocation: asks lists and responses about a certificate, and judges for them the certificates of those
//! who signed them (RFC 5280 6.3.3 (f), RFC 6960 4.2.2.2).

use musubi_crypto::PublicKey;

use super::build::{Follow, FoundPath, Paths};
use super::checks::{all_but_revocation_pass, is_unknown_accepted};
use super::facts::Demand;
use super::general_name::same_name;
use super::pool::Issuer;
use super::session::Session;
use super::status::{Authorities, Exhausted, IssuerKey, Question, Role, Status, Unusable};
use super::{KeyUsage, PathCertificate, Purpose, Times, algorithms, crl, ocsp};
use crate::oid;
use crate::policy::RevocationMode;

/// How deep signers of revocation data may stand: the signer of a list about the signer of a list about …
const MAX_DEPTH: usize = 3;

impl<'a> Session<'_, 'a> {
    /// Asks lists and responses. Revoked by either counts, else good by either if all was looked through (whoever hands
    /// in more than that must not hide the rest by it); without both it is unknown.
    pub(super) fn ask(&mut self, certificate: &PathCertificate<'a>, issuer: IssuerKey<'_>) -> Status {
        let question = Question {
            certificate,
            issuer,
            control: self.times.control(),
            judged_at: self.times.judged_at.max(self.times.control()),
            policy: self.policy,
        };
        let (lists, responses) = (self.lists, self.responses);
        let by_list = crl::status(&question, lists, self);
        let by_response = ocsp::status(&question, responses, self);
        match (by_list, by_response) {
            (revoked @ Status::Revoked { .. }, _) | (_, revoked @ Status::Revoked { .. }) => revoked,
            (lists, responses) => {
                let mut why = self.unreadable.to_vec();
                let mut good = None;
                for status in [responses, lists] {
                    match status {
                        Status::Unknown(more) => why.extend(more),
                        known => good = Some(known),
                    }
                }
                why.sort_unstable();
                why.dedup();
                let is_complete = !why.contains(&Unusable::TooMuchWork);
                good.filter(|_| is_complete).unwrap_or(Status::Unknown(why))
            }
        }
    }

    /// The issuer of lists: anywhere under the anchor of the path that is judged, and good itself. About itself it may
    /// speak (PKITS 4.14.30), but not about whoever stands above it.
    fn list_issuer(
        &mut self,
        candidate: &PathCertificate<'a>,
        question: &Question<'_>,
    ) -> Result<PublicKey, Unusable> {
        let key = self.accepted_key(candidate)?;
        let position = self.pool.position_of(candidate.der).ok_or(Unusable::Unauthorized)?;
        if !candidate.permits(KeyUsage::CrlSign) {
            return Err(Unusable::Unauthorized);
        }
        let identity = self.pool.identity(Issuer::Certificate(position));
        let of_anchor = self.pool.identity(Issuer::Anchor(self.anchor));
        if identity.zip(of_anchor).is_some_and(|(own, anchor)| own.is_same_entity(anchor)) {
            return Ok(key);
        }
        // Its path is being judged, and is good but for revocation.
        if self.trusting.contains(&position) && question.certificate.der == candidate.der {
            return Ok(key);
        }
        if self.trusting.contains(&position) || self.trusting.len() >= MAX_DEPTH {
            return Err(Unusable::Unauthorized);
        }
        self.trusting.push(position);
        let trusted = self.stands_under_the_anchor(position);
        self.trusting.pop();
        match trusted {
            Ok(true) => Ok(key),
            Ok(false) => Err(Unusable::Unauthorized),
            Err(Exhausted) => Err(Unusable::TooMuchWork),
        }
    }

    fn stands_under_the_anchor(&mut self, position: usize) -> Result<bool, Exhausted> {
        let purpose = Purpose::default();
        let policy = self.policy_for_signers;
        let or_valid_at = Some(self.times.judged_at);
        let demand = Demand { policy, purpose: &purpose, times: self.times, or_valid_at };
        let mut paths = Paths::of(position, Follow::Verified, Some(self.anchor), self);
        while let Some(path) = paths.next(self)? {
            let facts = self.gather(&path, &demand)?;
            if all_but_revocation_pass(&facts, &demand) && self.is_nowhere_revoked(&path) {
                return Ok(true);
            }
        }
        if self.work.is_exhausted() { Err(Exhausted) } else { Ok(false) }
    }

    fn is_nowhere_revoked(&mut self, path: &FoundPath) -> bool {
        path.certificates.iter().enumerate().rev().all(|(index, position)| {
            match self.status_in(path, index, *position) {
                Status::Good { .. } => true,
                Status::Revoked { .. } => false,
                Status::Unknown(why) => is_unknown_accepted(self.policy.revocation, &why),
            }
        })
    }

    /// A delegated responder: issued by the authority itself for this purpose, and good itself, unless its certificate
    /// says that this is not to be asked (RFC 6960 4.2.2.2.1).
    fn responder(
        &mut self,
        candidate: &PathCertificate<'a>,
        question: &Question<'_>,
    ) -> Result<PublicKey, Unusable> {
        let key = self.accepted_key(candidate)?;
        let extensions = &candidate.extensions;
        let is_for_ocsp = extensions
            .extended_key_usage
            .as_ref()
            .is_some_and(|(named, _)| named.contains(&oid::OCSP_SIGNING));
        let may_sign =
            candidate.permits(KeyUsage::DigitalSignature) || candidate.permits(KeyUsage::ContentCommitment);
        let is_valid = [question.control, question.judged_at]
            .iter()
            .any(|at| candidate.not_before <= *at && *at <= candidate.not_after);
        if !is_for_ocsp
            || !may_sign
            || !is_valid
            || !extensions.unknown_critical.is_empty()
            || !same_name(candidate.issuer, question.issuer.name)
        {
            return Err(Unusable::Unauthorized);
        }
        self.charge().map_err(|Exhausted| Unusable::TooMuchWork)?;
        if !candidate.is_signed_by(question.issuer.key) {
            return Err(Unusable::Unauthorized);
        }
        if extensions.ocsp_no_check || self.policy.revocation == RevocationMode::Off {
            return Ok(key);
        }
        // By lists alone: responses about responders would go in circles.
        let own = Question { certificate: candidate, ..*question };
        let lists = self.lists;
        match crl::status(&own, lists, self) {
            Status::Good { .. } => Ok(key),
            Status::Unknown(why) if is_unknown_accepted(self.policy.revocation, &why) => Ok(key),
            Status::Unknown(why) if why.contains(&Unusable::TooMuchWork) => Err(Unusable::TooMuchWork),
            Status::Unknown(_) | Status::Revoked { .. } => Err(Unusable::Unauthorized),
        }
    }

    /// The key, if the algorithm policy accepts it and the signature on its certificate.
    fn accepted_key(&self, candidate: &PathCertificate<'a>) -> Result<PublicKey, Unusable> {
        let times: Times = self.times;
        algorithms::check(candidate, self.policy, times).map_err(|_| Unusable::WeakAlgorithm)?;
        candidate.public_key.clone().map_err(|_| Unusable::WeakAlgorithm)
    }
}

impl<'a> Authorities<'a> for Session<'_, 'a> {
    fn charge(&mut self) -> Result<(), Exhausted> {
        self.work.signatures(1)
    }

    fn candidates(&self) -> &[PathCertificate<'a>] {
        &self.pool.certificates
    }

    fn trusted_key(
        &mut self,
        candidate: &PathCertificate<'a>,
        role: Role,
        question: &Question<'_>,
    ) -> Result<PublicKey, Unusable> {
        match role {
            Role::CrlIssuer => self.list_issuer(candidate, question),
            Role::OcspResponder => self.responder(candidate, question),
        }
    }
}
