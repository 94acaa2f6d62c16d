//! What the checks look at: found out once, before the first check.

use std::sync::Arc;

use musubi_crypto::{Digest, DigestAlgorithm, PublicKey};
use musubi_kernel::UnixTime;

use crate::anchors::{Anchor, Issuer, TrustAnchors};
use crate::attributes::BasicAttributes;
use crate::certificate::{ParseError, UnverifiedCertificate};
use crate::entries::EntryStatus;
use crate::judge::{Evidence, MAX_CLOCK_SKEW_SECONDS, Policy};
use crate::key::{AuthorityKind, RevocationReason};
use crate::path::{Status, Window};
use crate::profile::ProfileError;
use crate::responses;
use crate::revocation_list::VerifiedRevocationList;
use crate::verdict::{Freshness, Method};

pub(crate) struct Facts<'a> {
    pub(crate) evidence: &'a Evidence<'a>,
    pub(crate) anchors: &'a TrustAnchors,
    pub(crate) policy: &'a Policy,
    pub(crate) at: UnixTime,
    pub(crate) certificate: Result<UnverifiedCertificate<'a>, ParseError>,
    /// SHA-256 of the signed data; `None` if it is not at hand.
    pub(crate) sha256: Option<Digest>,
    /// The digest of the signed data that the certificate's key signs; `None` if it is not at hand.
    pub(crate) signed_digest: Option<Digest>,
    /// `None` if there is no certificate.
    pub(crate) issuer: Option<Issuer<'a>>,
    /// `Some` if the certificate says that it is a digital-signature certificate.
    pub(crate) attributes: Option<Result<BasicAttributes, ProfileError>>,
    pub(crate) revocation: Revocation<'a>,
    /// The card's free key that was enrolled for the certificate, of presence alone; `Some(None)` if it is no key that
    /// can be used.
    pub(crate) card_key: Option<Option<PublicKey>>,
}

/// What the lists say.
#[derive(Default)]
pub(crate) struct Revocation<'a> {
    /// The lists that cover the certificate.
    pub(crate) covering: Vec<&'a Arc<VerifiedRevocationList>>,
    /// Of those the one issued last, counting lists that are too old or from the future only if all are.
    pub(crate) freshest: Option<&'a VerifiedRevocationList>,
    /// The freshest entry in any of those, however old the list: the JPKI takes no revocation back.
    pub(crate) listed: Option<Listed<'a>>,
    /// What the OCSP responses say; `None` if there are none.
    pub(crate) answered: Option<Status>,
}

/// The evidence by which a certificate that is nowhere revoked is good, or is not known to be.
#[derive(Clone, Copy)]
pub(crate) enum Freshest<'a> {
    List(&'a VerifiedRevocationList),
    Response { this_update: UnixTime, next_update: UnixTime },
}

pub(crate) struct Listed<'a> {
    pub(crate) list: &'a VerifiedRevocationList,
    pub(crate) at: UnixTime,
    pub(crate) reason: RevocationReason,
}

impl<'a> Facts<'a> {
    pub(crate) fn gather(
        evidence: &'a Evidence<'a>,
        anchors: &'a TrustAnchors,
        policy: &'a Policy,
        at: UnixTime,
    ) -> Self {
        let certificate = UnverifiedCertificate::parse(evidence.certificate);
        let sha256 = evidence.signed_data.digest(DigestAlgorithm::Sha256);
        let key = certificate.as_ref().ok().and_then(|certificate| certificate.public_key().ok());
        let signed_digest = match key.and_then(|key| key.algorithm().digest()) {
            Some(DigestAlgorithm::Sha256) => sha256,
            Some(other) => evidence.signed_data.digest(other),
            None => None,
        };
        let mut facts = Self {
            evidence,
            anchors,
            policy,
            at,
            sha256,
            signed_digest,
            certificate,
            issuer: None,
            attributes: None,
            revocation: Revocation::default(),
            card_key: None,
        };
        if let Ok(certificate) = &facts.certificate {
            let name = certificate.issuer().as_der();
            let issuer =
                anchors.issuer(name, certificate.authority_key_id(), |key| certificate.is_signed_by(key));
            if let Issuer::Found(anchor) = issuer {
                facts.revocation = Revocation::gather(evidence, anchor, certificate, policy, at);
                if !evidence.ocsp.is_empty() {
                    let answered =
                        responses::evaluate(evidence.ocsp, evidence.certificate, anchor, policy, at);
                    facts.revocation.answered = Some(answered);
                }
            }
            facts.issuer = Some(issuer);
            if matches!(certificate.claimed_profile(), Some((AuthorityKind::DigitalSignature, _))) {
                facts.attributes = Some(certificate.claimed_attributes());
            }
        }
        facts
    }

    /// The generation that signed the certificate.
    pub(crate) fn issuing_anchor(&self) -> Option<&'a Anchor> {
        match self.issuer {
            Some(Issuer::Found(anchor)) => Some(anchor),
            _ => None,
        }
    }
}

impl<'a> Revocation<'a> {
    fn gather(
        evidence: &'a Evidence<'a>,
        issuer: &Anchor,
        certificate: &UnverifiedCertificate<'_>,
        policy: &Policy,
        at: UnixTime,
    ) -> Self {
        let mut out = Self::default();
        // Usable first, then not from the future, then issued later, then numbered higher.
        let freshness = |list: &VerifiedRevocationList| {
            let fault = staleness(list, policy, at);
            let plausible = fault != Some(Staleness::IssuedInTheFuture);
            (fault.is_none(), plausible, list.this_update(), list.number())
        };
        for shared in evidence.lists {
            let list = shared.as_ref();
            if !list.covers_issued_by(issuer, certificate) {
                continue;
            }
            out.covering.push(shared);
            if out.freshest.is_none_or(|other| freshness(list) > freshness(other)) {
                out.freshest = Some(list);
            }
            if let EntryStatus::Listed { at, reason } = list.status_of(certificate.serial())
                && out.listed.as_ref().is_none_or(|other| freshness(list) > freshness(other.list))
            {
                out.listed = Some(Listed { list, at, reason });
            }
        }
        out
    }

    /// The freshest evidence: a response that says something is always fresh, a list only by the rules.
    pub(crate) fn freshest_of_all(&self, policy: &Policy, at: UnixTime) -> Option<Freshest<'a>> {
        let fresh = self.freshest.filter(|list| staleness(list, policy, at).is_none());
        match (&self.answered, fresh) {
            (
                Some(
                    Status::Good { window: Window { this_update, next_update: Some(next_update) }, .. }
                    | Status::Revoked {
                        window: Window { this_update, next_update: Some(next_update) }, ..
                    },
                ),
                list,
            ) if list.is_none_or(|list| list.this_update() < *this_update) => {
                Some(Freshest::Response { this_update: *this_update, next_update: *next_update })
            }
            _ => self.freshest.map(Freshest::List),
        }
    }

    /// The age of that evidence.
    pub(crate) fn freshness(&self, policy: &Policy, at: UnixTime) -> Option<Freshness> {
        let (method, list_number, this_update, next_update) = match self.freshest_of_all(policy, at)? {
            Freshest::List(list) => {
                (Method::List, Some(list.number()), list.this_update(), list.next_update())
            }
            Freshest::Response { this_update, next_update } => (Method::Ocsp, None, this_update, next_update),
        };
        let age_seconds = at.since(this_update).max(0);
        Some(Freshness { method, list_number, this_update, next_update, age_seconds })
    }
}

/// Why a list cannot say that a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Staleness {
    IssuedInTheFuture,
    PastNextUpdate,
    OlderThanAgreed,
}

impl Staleness {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::IssuedInTheFuture => "issued_in_the_future",
            Self::PastNextUpdate => "past_next_update",
            Self::OlderThanAgreed => "older_than_agreed",
        }
    }
}

/// `None` if the list is recent enough at the time `at`.
pub(crate) fn staleness(list: &VerifiedRevocationList, policy: &Policy, at: UnixTime) -> Option<Staleness> {
    let age = at.since(list.this_update());
    if age < -MAX_CLOCK_SKEW_SECONDS {
        Some(Staleness::IssuedInTheFuture)
    } else if at > list.next_update() {
        Some(Staleness::PastNextUpdate)
    } else if policy.max_list_age.is_some_and(|limit| age > limit) {
        Some(Staleness::OlderThanAgreed)
    } else {
        None
    }
}
