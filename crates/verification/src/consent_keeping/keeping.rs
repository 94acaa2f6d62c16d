//! What time does to consents: polling, reminders, ends. In small transactions, so that none is held long.

use musubi_kernel::UnixTime;
use musubi_platform::consent::{self, Consent, Notice};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::StoreError;

use super::withdrawal::withdraw_here;
use super::{Turn, sql, tell, told_of};
use crate::Verification;
use crate::upstream::UpstreamError;

/// How often the authority is asked for withdrawals of a relying party's consents, in seconds.
const ASKED_EVERY: i64 = 3600;
/// Withdrawals of so long before the newest known are asked for again, in seconds: clocks differ.
const OVERLAP: i64 = 24 * 3600;
/// Relying parties that are asked for in one call, and pages of one answer.
const PARTIES: u32 = 50;
const PAGES: usize = 20;
/// Consents of one sort that are looked at in one call.
const CONSENTS: u32 = 200;

/// What a call did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Consents that were withdrawn at the authority.
    pub withdrawn: u32,
    /// Residents who were reminded.
    pub reminded: u32,
    /// Residents who were told that a consent ends soon.
    pub ending: u32,
    /// Consents that came to their end.
    pub ended: u32,
    /// Relying parties of whose consents the authority gave no answer.
    pub unanswered: u32,
}

/// One step: asks for withdrawals, reminds, tells of ends. To be called every few minutes.
///
/// # Errors
/// [`StoreError`].
pub async fn keep(verification: &Verification) -> Result<Kept, StoreError> {
    let context = verification.context();
    let mut kept = Kept::default();
    for notice in [Notice::Ended, Notice::EndsSoon, Notice::Reminder] {
        let at = context.clock.now();
        let due = {
            let mut tx = context.db.begin_read().await?;
            consent::due(&mut tx, notice, at, CONSENTS).await?
        };
        for consent in due {
            let told = give_notice(verification, &consent, notice, at).await?;
            match notice {
                Notice::Reminder => kept.reminded += u32::from(told),
                Notice::EndsSoon => kept.ending += u32::from(told),
                Notice::Ended => kept.ended += u32::from(told),
            }
        }
    }
    let at = context.clock.now();
    let parties = {
        let mut tx = context.db.begin_read().await?;
        sql::to_ask(&mut tx, at.plus(-ASKED_EVERY), PARTIES).await?
    };
    for (relying_party, known_until) in parties {
        match ask(verification, &relying_party, known_until, at).await? {
            Ok(withdrawn) => kept.withdrawn += withdrawn,
            Err(_) => {
                kept.unanswered += 1;
                // Who does not answer for one does not for the next: later.
                break;
            }
        }
    }
    Ok(kept)
}

/// Whether nobody else did it meanwhile.
async fn give_notice(
    verification: &Verification,
    consent: &Consent,
    notice: Notice,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let context = verification.context();
    let mut tx = context.db.begin().await?;
    if !consent::note(&mut tx, consent, notice, at).await? {
        return Ok(false);
    }
    if notice == Notice::Ended {
        tell(&mut tx, context, &told_of(consent), Turn::Ended, at).await?;
    }
    consent::record(&mut tx, consent, notice, context.random.as_ref(), at).await?;
    tx.commit().await?;
    Ok(true)
}

async fn ask(
    verification: &Verification,
    relying_party: &RelyingPartyId,
    known_until: UnixTime,
    at: UnixTime,
) -> Result<Result<u32, UpstreamError>, StoreError> {
    let context = verification.context();
    let mut since = known_until.plus(-OVERLAP).max(UnixTime(0));
    let mut count = 0;
    for _ in 0..PAGES {
        let page = match verification.upstream().withdrawn_consents(relying_party.as_str(), since).await {
            Ok(page) => page,
            Err(error) => return Ok(Err(error)),
        };
        for withdrawn in &page.withdrawn {
            let theirs = {
                let mut tx = context.db.begin_read().await?;
                consent::by_id(&mut tx, &withdrawn.id).await?
            };
            // Of another service, or of a proofing that was not accepted: nothing to withdraw here.
            let Some(theirs) = theirs.filter(|consent| consent.relying_party == *relying_party) else {
                continue;
            };
            count += u32::from(withdraw_here(context, &theirs, at).await?);
        }
        let newest = page.withdrawn.iter().map(|one| one.at).max();
        let more = page.more && newest.is_some_and(|newest| newest > since);
        since = newest.unwrap_or(since).max(since);
        if !more {
            break;
        }
    }
    let mut tx = context.db.begin().await?;
    sql::asked(&mut tx, relying_party, since.max(known_until), at).await?;
    tx.commit().await?;
    Ok(Ok(count))
}
