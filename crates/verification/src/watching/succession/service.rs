//! The rules of following.

use musubi_kernel::UnixTime;
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditEvent};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Answer, Followed, OnSucceeded, Pending, is_theirs, sql};
use crate::linking::{self, CertificateFollowed};

/// The first wait, in seconds; each further one is three times as long, up to a day.
const FIRST_WAIT: i64 = 15 * 60;
const LONGEST_WAIT: i64 = 24 * 3600;
/// How long a certificate is asked for, in seconds. Whoever has none after that gets one by a new application, and is met
/// again when they use it.
const ASKED_FOR: i64 = 90 * 24 * 3600;

/// When a certificate is asked for again after so many tries.
pub(super) fn next_at(tries: i64, at: UnixTime) -> UnixTime {
    let times = u32::try_from(tries.clamp(0, 6)).unwrap_or(6);
    at.plus(FIRST_WAIT.saturating_mul(3_i64.pow(times)).min(LONGEST_WAIT))
}

/// Writes what follows from upstream's answers; answers the audit records, to be appended last.
///
/// # Errors
/// [`StoreError`].
pub(super) async fn settle(
    tx: &mut Tx,
    context: &Context,
    hook: &dyn OnSucceeded,
    answers: Vec<(Pending, Answer)>,
    at: UnixTime,
) -> Result<(Followed, Vec<AuditEvent>), StoreError> {
    let mut followed = Followed::default();
    let mut records = Vec::new();
    for (pending, answer) in answers {
        match answer {
            Answer::Next(next, counterpart) => {
                // Of two processes that asked, one finds it still pending.
                if !sql::delete(tx, &pending.key).await? {
                    continue;
                }
                let known = linking::follow_to(tx, &next, &pending.person, at).await?;
                if !is_theirs(&known) {
                    followed.contradicted += 1;
                    continue;
                }
                if let Some(counterpart) = &counterpart {
                    // Known as somebody else's it stays so: the next question about it will tell.
                    linking::follow_to(tx, counterpart, &pending.person, at).await?;
                }
                followed.succeeded += 1;
                if matches!(known, CertificateFollowed::New) {
                    records.push(AuditEvent {
                        kind: audit::SUCCESSION_FOLLOWED,
                        relying_party: None,
                        person: Some(pending.person.clone()),
                        detail: json!({ "certificate_kind": pending.key.authority }),
                    });
                }
                hook.on_succeeded(tx, context, &pending.person, (&pending.key, &next), at).await?;
            }
            Answer::NotYet if at.since(pending.since) > ASKED_FOR => {
                sql::delete(tx, &pending.key).await?;
                followed.given_up += 1;
            }
            answer => {
                if matches!(answer, Answer::Unanswered) {
                    followed.unanswered += 1;
                }
                followed.waiting += 1;
                sql::wait(tx, &pending.key, next_at(pending.tries, at)).await?;
            }
        }
    }
    Ok((followed, records))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_waits_grow_from_a_quarter_of_an_hour_to_a_day() {
        let waits: Vec<i64> = (0..9).map(|tries| next_at(tries, UnixTime(0)).0 / 60).collect();
        assert_eq!(waits, [15, 45, 135, 405, 1215, 1440, 1440, 1440, 1440]);
    }
}
