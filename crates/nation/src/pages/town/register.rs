//! What the counter reads in the register: every certificate that a resident ever had, and the published lists.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, RevocationReason, SerialNumber};

use crate::{NationError, ResidentId, World, lists, sql};

/// A certificate in the register.
pub(super) struct Issued {
    pub(super) authority: AuthorityKind,
    pub(super) generation: i64,
    pub(super) serial: SerialNumber,
    pub(super) not_before: UnixTime,
    pub(super) not_after: UnixTime,
    pub(super) revoked: Option<(UnixTime, RevocationReason)>,
}

/// The newest full list of a generation.
pub(super) struct PublishedList {
    pub(super) authority: AuthorityKind,
    pub(super) generation: i64,
    pub(super) number: i64,
    pub(super) this_update: UnixTime,
    pub(super) next_update: UnixTime,
    /// Certificates on it.
    pub(super) entries: usize,
    /// Certificates that were revoked since.
    pub(super) waiting: usize,
}

/// All certificates of a resident, both authorities, newest first.
pub(super) async fn certificates_of(world: &World, id: &ResidentId) -> Result<Vec<Issued>, NationError> {
    let mut tx = world.db().begin_read().await?;
    let mut issued = Vec::new();
    for authority in AuthorityKind::ALL {
        for row in sql::certificates_of(&mut tx, id, authority).await? {
            issued.push(Issued {
                authority,
                generation: row.generation,
                serial: row.serial.into(),
                not_before: row.not_before,
                not_after: row.not_after,
                revoked: row.revoked,
            });
        }
    }
    issued.sort_by_key(|certificate| std::cmp::Reverse(certificate.not_before));
    Ok(issued)
}

/// The newest lists of every generation.
pub(super) async fn published_lists(world: &World) -> Result<Vec<PublishedList>, NationError> {
    let mut tx = world.db().begin_read().await?;
    let mut published = Vec::new();
    for row in lists::sql::full_lists(&mut tx).await? {
        let revoked = sql::revoked(&mut tx, row.authority, row.generation, row.this_update).await?;
        let entries = revoked.iter().filter(|entry| entry.revoked_at <= row.this_update).count();
        published.push(PublishedList {
            authority: row.authority,
            generation: row.generation,
            number: row.number,
            this_update: row.this_update,
            next_update: row.next_update,
            entries,
            waiting: revoked.len().saturating_sub(entries),
        });
    }
    Ok(published)
}

/// What a notification has done to a resident's certificates.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) revoked: Vec<(AuthorityKind, SerialNumber, RevocationReason)>,
    pub(super) issued: Vec<(AuthorityKind, SerialNumber)>,
    /// The lists that say so: authority and number.
    pub(super) published: Vec<(AuthorityKind, i64)>,
    /// Whether no list says so yet.
    pub(super) waiting: bool,
}

/// Reads off the register what has changed since `since`: what was revoked, what was issued and not revoked again,
/// and which lists were published after that.
pub(super) fn changes_since(since: UnixTime, certificates: &[Issued], lists: &[PublishedList]) -> Changes {
    let mut change = Changes::default();
    for certificate in certificates {
        match certificate.revoked {
            Some((at, reason)) if at >= since => {
                change.revoked.push((certificate.authority, certificate.serial.clone(), reason));
                let told = lists.iter().find(|list| {
                    list.authority == certificate.authority
                        && list.generation == certificate.generation
                        && list.this_update >= at
                });
                match told {
                    Some(list) => change.published.push((list.authority, list.number)),
                    None => change.waiting = true,
                }
            }
            None if certificate.not_before >= since => {
                change.issued.push((certificate.authority, certificate.serial.clone()));
            }
            _ => {}
        }
    }
    change
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: AuthorityKind = AuthorityKind::DigitalSignature;

    fn issued(serial: u32, from: i64, revoked: Option<(i64, RevocationReason)>) -> Issued {
        Issued {
            authority: SIGNATURE,
            generation: 2,
            serial: serial.into(),
            not_before: UnixTime(from),
            not_after: UnixTime(from + 1000),
            revoked: revoked.map(|(at, reason)| (UnixTime(at), reason)),
        }
    }

    fn list(number: i64, at: i64) -> PublishedList {
        PublishedList {
            authority: SIGNATURE,
            generation: 2,
            number,
            this_update: UnixTime(at),
            next_update: UnixTime(at + 10),
            entries: 0,
            waiting: 0,
        }
    }

    #[test]
    fn changes_are_what_was_revoked_and_what_was_issued_since_then() {
        let moved = RevocationReason::AffiliationChanged;
        let history = [
            issued(3, 200, None),
            issued(2, 100, Some((200, moved))),
            issued(1, 10, Some((100, RevocationReason::Superseded))),
        ];
        let change = changes_since(UnixTime(199), &history, &[list(7, 200)]);
        assert_eq!(change.revoked, [(SIGNATURE, 2.into(), moved)]);
        assert_eq!(change.issued, [(SIGNATURE, 3.into())]);
        assert_eq!(change.published, [(SIGNATURE, 7)]);
        assert!(!change.waiting);
    }

    #[test]
    fn a_list_from_before_the_change_does_not_tell_of_it() {
        let history = [issued(1, 10, Some((100, RevocationReason::CertificateHold)))];
        let change = changes_since(UnixTime(100), &history, &[list(7, 99)]);
        assert!(change.published.is_empty() && change.waiting);
    }

    #[test]
    fn what_happened_before_is_no_change() {
        let history = [issued(1, 10, Some((100, RevocationReason::CertificateHold)))];
        assert_eq!(changes_since(UnixTime(101), &history, &[list(7, 100)]), Changes::default());
    }
}
