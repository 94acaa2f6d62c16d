//! The meaning of a revocation: one table from evidence to [`ChangeKind`]. Pure; it never guesses.
//!
//! | reason (CPS 4.9.9) | what else must be known | meaning | why |
//! | --- | --- | --- | --- |
//! | affiliationChanged, signing | nothing | attributes_changed | a stated attribute changed |
//! | affiliationChanged, authentication | | undetermined | that certificate states no attribute: not in the CPS |
//! | superseded | nothing | renewed | the certificate was renewed |
//! | keyCompromise, cACompromise, certificateHold | nothing | held_or_compromised | a hold is never lifted |
//! | cessationOfOperation | nobody asked yet, or asked within [`LINKED_BY`] | undetermined, **pending** | linkage lags behind the issue |
//! | | a next certificate, issued with the end ([`SAME_VISIT`]) | renewed | some renewals are recorded as an end and an issue |
//! | | a next certificate, issued later or nobody says when | undetermined | returned and applied for again, or renewed late |
//! | | none, but a newer one was met here | undetermined | the answers contradict each other |
//! | | none, the counterpart is good | undetermined | one certificate was given up; of its holder that says nothing |
//! | | none | ended | no longer needed, and nothing in its place |
//! | unspecified, anything else | | undetermined | a move, a theft and a renewal look alike |
//!
//! An unspecified reason stays undetermined whatever happened to the counterpart: two certificates of one card may end at
//! one time for two reasons.

use musubi_pki::{AuthorityKind, RevocationReason};

use super::ChangeKind;

/// From so many seconds after a revocation on, upstream's silence about a successor counts: linkage lags 90 minutes behind
/// the issue (an operator's note), and half an hour is kept for their clocks and ours.
pub const LINKED_BY: i64 = 2 * 3600;

/// A next certificate that was issued at most so many seconds after the revocation was issued at the same visit: nobody
/// returns a card and gets another in that time.
pub const SAME_VISIT: i64 = 300;

/// What is known of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Evidence {
    /// Whose certificate was revoked.
    pub authority: AuthorityKind,
    /// `reasonCode`.
    pub reason: RevocationReason,
    /// 新旧紐付け.
    pub successor: Successor,
    /// 対応証明書.
    pub counterpart: Counterpart,
    /// 最新の4情報.
    pub latest: Latest,
}

/// What upstream said about the certificate that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Successor {
    /// Nobody asked, or there was no answer.
    NotAsked,
    /// There is one, issued so many seconds after the revocation (negative: before), if that is known.
    Found(Option<i64>),
    /// There was none when it was asked for, so many seconds after the revocation.
    NoneAfter(i64),
}

/// What is known of the holder's certificate of the other kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counterpart {
    /// On no list, by a list that was made after the revocation.
    Good,
    /// Revoked.
    Revoked(RevocationReason),
    /// None, expired, or no list is new enough to tell.
    Unknown,
}

/// What the provision of latest attributes showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latest {
    /// There is no consent, or nobody asked.
    NoConsent,
    /// No newer signing certificate is good.
    NoneNewer,
    /// They come from a newer signing certificate.
    Newer,
}

/// What a change means, and whether more evidence could still tell more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The kind of change.
    pub kind: ChangeKind,
    /// Undetermined, and asking upstream may decide it.
    pub pending: bool,
}

impl Evidence {
    /// What a list alone tells.
    #[must_use]
    pub fn of_list(authority: AuthorityKind, reason: RevocationReason) -> Self {
        Self {
            authority,
            reason,
            successor: Successor::NotAsked,
            counterpart: Counterpart::Unknown,
            latest: Latest::NoConsent,
        }
    }

    /// What it means.
    #[must_use]
    pub fn meaning(&self) -> Meaning {
        use RevocationReason as R;
        let kind = match (self.reason, self.authority) {
            (R::AffiliationChanged, AuthorityKind::DigitalSignature) => ChangeKind::AttributesChanged,
            (R::Superseded, _) => ChangeKind::Renewed,
            (R::KeyCompromise | R::CaCompromise | R::CertificateHold, _) => ChangeKind::HeldOrCompromised,
            (R::CessationOfOperation, _) => return self.meaning_of_an_end(),
            _ => ChangeKind::Undetermined,
        };
        Meaning { kind, pending: false }
    }

    fn meaning_of_an_end(&self) -> Meaning {
        let settled = |kind| Meaning { kind, pending: false };
        match (self.successor, self.latest, self.counterpart) {
            (Successor::NotAsked, ..) => Meaning { kind: ChangeKind::Undetermined, pending: true },
            (Successor::NoneAfter(seconds), ..) if seconds < LINKED_BY => {
                Meaning { kind: ChangeKind::Undetermined, pending: true }
            }
            (Successor::Found(Some(later)), ..) if later <= SAME_VISIT => settled(ChangeKind::Renewed),
            (Successor::Found(_), ..) | (_, Latest::Newer, _) | (.., Counterpart::Good) => {
                settled(ChangeKind::Undetermined)
            }
            (
                Successor::NoneAfter(_),
                Latest::NoConsent | Latest::NoneNewer,
                Counterpart::Revoked(_) | Counterpart::Unknown,
            ) => settled(ChangeKind::Ended),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use AuthorityKind::{DigitalSignature, UserAuthentication};
    use RevocationReason as R;

    const REASONS: [R; 9] = [
        R::Unspecified,
        R::KeyCompromise,
        R::CaCompromise,
        R::AffiliationChanged,
        R::Superseded,
        R::CessationOfOperation,
        R::CertificateHold,
        R::PrivilegeWithdrawn,
        R::AaCompromise,
    ];
    const SUCCESSORS: [Successor; 9] = [
        Successor::NotAsked,
        Successor::Found(None),
        Successor::Found(Some(-60)),
        Successor::Found(Some(SAME_VISIT)),
        Successor::Found(Some(SAME_VISIT + 1)),
        Successor::NoneAfter(-1),
        Successor::NoneAfter(LINKED_BY - 1),
        Successor::NoneAfter(LINKED_BY),
        Successor::NoneAfter(i64::MAX),
    ];
    const LATEST: [Latest; 3] = [Latest::NoConsent, Latest::NoneNewer, Latest::Newer];

    fn counterparts() -> Vec<Counterpart> {
        let revoked = REASONS.into_iter().map(Counterpart::Revoked);
        [Counterpart::Good, Counterpart::Unknown].into_iter().chain(revoked).collect()
    }

    /// Every cell of the table for one certificate and reason.
    fn cells(authority: AuthorityKind, reason: R) -> Vec<Evidence> {
        let mut cells = Vec::new();
        for successor in SUCCESSORS {
            for counterpart in counterparts() {
                for latest in LATEST {
                    cells.push(Evidence { authority, reason, successor, counterpart, latest });
                }
            }
        }
        cells
    }

    #[test]
    fn what_the_reason_tells_is_told_at_once_and_nothing_else_changes_it() {
        for (authority, reason, kind) in [
            (DigitalSignature, R::AffiliationChanged, ChangeKind::AttributesChanged),
            (UserAuthentication, R::AffiliationChanged, ChangeKind::Undetermined),
            (DigitalSignature, R::Superseded, ChangeKind::Renewed),
            (UserAuthentication, R::Superseded, ChangeKind::Renewed),
            (DigitalSignature, R::KeyCompromise, ChangeKind::HeldOrCompromised),
            (UserAuthentication, R::KeyCompromise, ChangeKind::HeldOrCompromised),
            (DigitalSignature, R::CaCompromise, ChangeKind::HeldOrCompromised),
            (UserAuthentication, R::CaCompromise, ChangeKind::HeldOrCompromised),
            (DigitalSignature, R::CertificateHold, ChangeKind::HeldOrCompromised),
            (UserAuthentication, R::CertificateHold, ChangeKind::HeldOrCompromised),
        ] {
            for cell in cells(authority, reason) {
                assert_eq!(cell.meaning(), Meaning { kind, pending: false }, "{cell:?}");
            }
        }
    }

    #[test]
    fn a_reason_that_says_nothing_means_nothing_whatever_else_is_known() {
        for reason in [R::Unspecified, R::PrivilegeWithdrawn, R::AaCompromise] {
            for authority in AuthorityKind::ALL {
                for cell in cells(authority, reason) {
                    let undetermined = Meaning { kind: ChangeKind::Undetermined, pending: false };
                    assert_eq!(cell.meaning(), undetermined, "{cell:?}");
                }
            }
        }
    }

    #[test]
    fn an_end_waits_for_the_linkage_and_then_is_a_renewal_an_end_or_undetermined() {
        for authority in AuthorityKind::ALL {
            for cell in cells(authority, R::CessationOfOperation) {
                let (kind, pending) = match cell.successor {
                    Successor::NotAsked => (ChangeKind::Undetermined, true),
                    Successor::NoneAfter(seconds) if seconds < 7200 => (ChangeKind::Undetermined, true),
                    Successor::Found(Some(later)) if later <= 300 => (ChangeKind::Renewed, false),
                    Successor::Found(_) => (ChangeKind::Undetermined, false),
                    Successor::NoneAfter(_) => {
                        let contradicted =
                            cell.latest == Latest::Newer || cell.counterpart == Counterpart::Good;
                        let kind = if contradicted { ChangeKind::Undetermined } else { ChangeKind::Ended };
                        (kind, false)
                    }
                };
                assert_eq!(cell.meaning(), Meaning { kind, pending }, "{cell:?}");
            }
        }
    }

    #[test]
    fn only_what_is_undetermined_is_pending() {
        for authority in AuthorityKind::ALL {
            for cell in REASONS.into_iter().flat_map(|reason| cells(authority, reason)) {
                let meaning = cell.meaning();
                assert!(!meaning.pending || meaning.kind == ChangeKind::Undetermined, "{cell:?}");
                assert!(!meaning.pending || cell.reason == R::CessationOfOperation, "{cell:?}");
            }
        }
    }
}
