//! What can be said of a certificate without a network: who issued it, whether its time is right, and what the filter says.
//!
//! This is no [`crate::Verdict`]: nobody has signed anything here, so nothing says that who holds the certificate holds its
//! key. Unknown, not covered and too old are never good.

use musubi_kernel::UnixTime;

use super::{FilterAnswer, OfflineFilter};
use crate::anchors::{Anchor, Issuer, TrustAnchors};
use crate::certificate::{ParseError, UnverifiedCertificate};
use crate::indication::{Indication, SubIndication};
use crate::judge::MAX_CLOCK_SKEW_SECONDS;
use crate::key::AuthorityKind;
use crate::verdict::{Freshness, Method};

/// What was found. The first that applies, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfflineFinding {
    /// No trust anchor has the issuer's name and key.
    UnknownIssuer,
    /// The authority that it names did not sign it.
    BadSignature,
    /// Not a resident's certificate of that authority, in the anchors' environment: an authority's own, say.
    OtherProfile,
    /// The filter is of another authority or generation.
    OtherAuthority,
    /// It is on the list. However old the list: the JPKI takes no revocation back.
    Listed,
    /// Its validity has not begun.
    NotYetValid,
    /// Its validity is over.
    Expired,
    /// It was issued after the list, which therefore says nothing of it.
    IssuedLater,
    /// The filter does not cover it.
    NotCovered,
    /// The list was issued after the time of the question: this device's clock is wrong.
    ClockBehind,
    /// The list is older than allowed.
    TooOld,
    /// Genuine, valid, and not on a list that is fresh enough.
    NotListed,
}

impl OfflineFinding {
    /// In the terms of EN 319 102-1. Only [`OfflineFinding::NotListed`] is TOTAL-PASSED.
    #[must_use]
    pub fn indication(self) -> Indication {
        self.sub_indication().map_or(Indication::TotalPassed, SubIndication::indication)
    }

    /// Its reason in the same terms; `None` if it passed.
    #[must_use]
    pub fn sub_indication(self) -> Option<SubIndication> {
        Some(match self {
            Self::NotListed => return None,
            Self::Listed => SubIndication::Revoked,
            Self::BadSignature => SubIndication::CertificateChainGeneralFailure,
            Self::OtherProfile => SubIndication::ChainConstraintsFailure,
            Self::UnknownIssuer => SubIndication::NoCertificateChainFound,
            Self::NotYetValid => SubIndication::NotYetValid,
            Self::Expired => SubIndication::Expired,
            Self::OtherAuthority
            | Self::IssuedLater
            | Self::NotCovered
            | Self::ClockBehind
            | Self::TooOld => SubIndication::TryLater,
        })
    }
}

/// What was found, and by which list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfflineReport {
    /// What was found.
    pub finding: OfflineFinding,
    /// The list behind the filter, and its age at the time of the question.
    pub freshness: Freshness,
    /// The authority that issued the certificate, if it is one of the anchors.
    pub authority: Option<AuthorityKind>,
}

/// Checks a certificate (DER) at `at` by the trust anchors and a filter. The list may be as old as its own `nextUpdate`
/// says, and at most `max_age` seconds if that is given.
///
/// # Errors
/// [`ParseError`] if it is not a certificate.
pub fn check_offline(
    certificate: &[u8],
    anchors: &TrustAnchors,
    filter: &OfflineFilter,
    max_age: Option<i64>,
    at: UnixTime,
) -> Result<OfflineReport, ParseError> {
    let certificate = UnverifiedCertificate::parse(certificate)?;
    let head = filter.head();
    let freshness = Freshness {
        method: Method::List,
        list_number: Some(head.list_number),
        this_update: head.this_update,
        next_update: head.next_update,
        age_seconds: at.since(head.this_update).max(0),
    };
    let issuer = anchors.issuer(certificate.issuer().as_der(), certificate.authority_key_id(), |key| {
        certificate.is_signed_by(key)
    });
    let (finding, authority) = match issuer {
        Issuer::UnknownName | Issuer::UnknownKey => (OfflineFinding::UnknownIssuer, None),
        Issuer::BadSignature => (OfflineFinding::BadSignature, None),
        Issuer::Found(anchor) => {
            let profile = Some((anchor.kind(), anchors.environment()));
            let finding = if certificate.claimed_profile() == profile {
                finding_of(&certificate, anchor, filter, max_age, &freshness, at)
            } else {
                OfflineFinding::OtherProfile
            };
            (finding, Some(anchor.kind()))
        }
    };
    Ok(OfflineReport { finding, freshness, authority })
}

fn finding_of(
    certificate: &UnverifiedCertificate<'_>,
    anchor: &Anchor,
    filter: &OfflineFilter,
    max_age: Option<i64>,
    freshness: &Freshness,
    at: UnixTime,
) -> OfflineFinding {
    if filter.head().issuer != *anchor.fingerprint() {
        return OfflineFinding::OtherAuthority;
    }
    let answer = filter.answer(certificate.serial());
    let is_too_old =
        at > freshness.next_update || max_age.is_some_and(|age| at.since(freshness.this_update) > age);
    if answer == FilterAnswer::Listed {
        OfflineFinding::Listed
    } else if at < certificate.not_before() {
        OfflineFinding::NotYetValid
    } else if at > certificate.not_after() {
        OfflineFinding::Expired
    } else if certificate.not_before() > freshness.this_update {
        OfflineFinding::IssuedLater
    } else if answer == FilterAnswer::NotCovered {
        OfflineFinding::NotCovered
    } else if freshness.this_update > at.plus(MAX_CLOCK_SKEW_SECONDS) {
        OfflineFinding::ClockBehind
    } else if is_too_old {
        OfflineFinding::TooOld
    } else {
        OfflineFinding::NotListed
    }
}
