//! Answers that wait for evidence: kept sealed, judged again by the platform itself, bounded in time.

use std::collections::HashMap;

use musubi_crypto::SealingKey;
use musubi_kernel::UnixTime;
use musubi_platform::Context;
use musubi_platform::relying_party::{self, RelyingParty, RelyingPartyId};
use musubi_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::answers::{Ending, Settled};
use super::sql::{self, Waiting};
use super::{AnswerKind, Contract};
use crate::outcome::{State, TransactionError};
use crate::{Verification, change_check, entitlement_check, identity_proofing};

/// How long after a trial the next one is made, in seconds.
const RETRY_AFTER: i64 = 60;
/// Answers that are looked at in one go.
const BATCH: u32 = 64;
/// How often one answer is judged again in a row because newer lists come while it is written.
const MAX_ROUNDS: usize = 3;

/// What an answer is judged from once there is evidence.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Awaited {
    IdentityProofing(identity_proofing::Completion),
    EntitlementCheck(entitlement_check::Completion),
    ChangeCheck {
        customer_id: String,
        /// What was said meanwhile: held or provisional.
        provisional: bool,
    },
}

impl Awaited {
    fn kind(&self) -> AnswerKind {
        match self {
            Self::IdentityProofing(_) => AnswerKind::IdentityProofing,
            Self::EntitlementCheck(_) => AnswerKind::EntitlementCheck,
            Self::ChangeCheck { .. } => AnswerKind::ChangeCheck,
        }
    }
}

impl std::fmt::Debug for Awaited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // An application and a certificate are a person's own.
        f.debug_tuple("Awaited").field(&self.kind()).finish()
    }
}

fn sealing_key(context: &Context) -> Result<SealingKey, StoreError> {
    SealingKey::derive(context.pairwise_secret.expose(), "awaited answer")
        .map_err(|_| StoreError::Corrupt("sealed"))
}

/// Keeps what `answer` is to be judged from, for as long as the contract says.
pub(crate) async fn wait_for(
    tx: &mut Tx,
    context: &Context,
    (relying_party, answer, contract): (&RelyingPartyId, &str, &Contract),
    awaited: &Awaited,
    at: UnixTime,
) -> Result<(), StoreError> {
    let plain = serde_json::to_vec(awaited).map_err(|_| StoreError::Corrupt("sealed"))?;
    let sealed =
        sealing_key(context)?.seal(answer.as_bytes(), &plain).map_err(|_| StoreError::Corrupt("sealed"))?;
    let waiting = Waiting {
        answer: answer.to_owned(),
        kind: awaited.kind(),
        relying_party: relying_party.clone(),
        since: at,
        until: at.plus(contract.hold_seconds),
        sealed,
    };
    sql::wait(tx, &waiting).await
}

/// Judges the answers that wait and were not tried for a minute; answers how many are settled. One that cannot be judged for a
/// fault of this platform keeps none of the others waiting.
///
/// # Errors
/// The first [`StoreError`], after all were tried.
pub async fn settle(verification: &Verification) -> Result<u32, StoreError> {
    let context = verification.context();
    let at = context.clock.now();
    let mut settled = 0;
    let mut failed = None;
    loop {
        let due = {
            let mut tx = context.db.begin_read().await?;
            sql::due(&mut tx, at.plus(1 - RETRY_AFTER), at, BATCH).await?
        };
        if due.is_empty() {
            return failed.map_or(Ok(settled), Err);
        }
        // At once, for an authority that does not answer is waited for some seconds each time.
        let mut tasks = JoinSet::new();
        let mut answers = HashMap::new();
        for waiting in due {
            let verification = verification.clone();
            let answer = waiting.answer.clone();
            let task = tasks.spawn(async move { settle_one(&verification, &waiting, at).await });
            answers.insert(task.id(), answer);
        }
        while let Some(outcome) = tasks.join_next_with_id().await {
            let (id, error) = match outcome {
                Ok((_, Ok(done))) => {
                    settled += u32::from(done);
                    continue;
                }
                Ok((id, Err(error))) => (id, error),
                Err(error) => (error.id(), StoreError::Database(error.to_string())),
            };
            failed = failed.or(Some(error));
            if let Some(answer) = answers.get(&id) {
                let mut tx = context.db.begin().await?;
                sql::tried(&mut tx, answer, at).await?;
                tx.commit().await?;
            }
        }
    }
}

/// What one trial came to.
enum Trial {
    Settled,
    NotYet,
    Impossible(&'static str),
}

async fn settle_one(
    verification: &Verification,
    waiting: &Waiting,
    at: UnixTime,
) -> Result<bool, StoreError> {
    for _ in 0..MAX_ROUNDS {
        match try_one(verification, waiting, at).await {
            Ok(Trial::Settled) => return Ok(true),
            Ok(Trial::NotYet) => break,
            Ok(Trial::Impossible(code)) => return give_up(verification, waiting, code, at).await,
            Err(TransactionError::Outdated) => {
                // Lists that do not load are the intake's matter, and told there.
                let _ = verification.refresh().await;
            }
            Err(TransactionError::Store(error)) => return Err(error),
            Err(TransactionError::CustomerTaken) => {
                return give_up(verification, waiting, "link.customer_taken", at).await;
            }
            Err(_) => return give_up(verification, waiting, "transaction.unknown", at).await,
        }
    }
    let mut tx = verification.context().db.begin().await?;
    sql::tried(&mut tx, &waiting.answer, at).await?;
    tx.commit().await?;
    Ok(false)
}

async fn try_one(
    verification: &Verification,
    waiting: &Waiting,
    at: UnixTime,
) -> Result<Trial, TransactionError> {
    let context = verification.context();
    let Some(relying_party) = by_id(verification, &waiting.relying_party).await? else {
        return Ok(Trial::Impossible("transaction.unknown"));
    };
    let opened = sealing_key(context)?.open(waiting.answer.as_bytes(), &waiting.sealed).ok();
    let Some(awaited) = opened.and_then(|plain| serde_json::from_slice::<Awaited>(&plain).ok()) else {
        return Ok(Trial::Impossible("answer.unreadable"));
    };
    let is_last = at >= waiting.until;
    let unknown = || TransactionError::Unknown;
    match awaited {
        Awaited::IdentityProofing(completion) => {
            let id = waiting.answer.parse().map_err(|_| unknown())?;
            let judged = identity_proofing::judge_awaited(
                verification,
                &relying_party,
                (&id, waiting.since),
                &completion,
                at,
            )
            .await?;
            if judged.may_pass_later() && !is_last {
                return Ok(Trial::NotYet);
            }
            let mut tx = context.db.begin().await?;
            if !sql::done(&mut tx, &waiting.answer).await? {
                return Ok(Trial::Settled);
            }
            identity_proofing::complete(&mut tx, verification, judged, at).await?;
            tx.commit().await?;
        }
        Awaited::EntitlementCheck(completion) => {
            let id = waiting.answer.parse().map_err(|_| unknown())?;
            let judged = entitlement_check::judge_awaited(
                verification,
                &relying_party,
                (&id, waiting.since),
                &completion,
                at,
            )
            .await?;
            if judged.may_pass_later() && !is_last {
                return Ok(Trial::NotYet);
            }
            let mut tx = context.db.begin().await?;
            if !sql::done(&mut tx, &waiting.answer).await? {
                return Ok(Trial::Settled);
            }
            entitlement_check::complete(&mut tx, verification, judged, at).await?;
            tx.commit().await?;
        }
        Awaited::ChangeCheck { customer_id, provisional } => {
            let mut tx = context.db.begin().await?;
            if !sql::done(&mut tx, &waiting.answer).await? {
                return Ok(Trial::Settled);
            }
            let from = if provisional { State::Provisional } else { State::Held };
            let asked = change_check::Asked {
                id: waiting.answer.parse().map_err(|_| unknown())?,
                customer_id,
                awaited: Some((from, waiting.since)),
            };
            if !change_check::settle(&mut tx, verification, &relying_party, &asked, is_last, at).await? {
                return Ok(Trial::NotYet);
            }
            tx.commit().await?;
        }
    }
    Ok(Trial::Settled)
}

async fn by_id(verification: &Verification, id: &RelyingPartyId) -> Result<Option<RelyingParty>, StoreError> {
    let mut tx = verification.context().db.begin_read().await?;
    relying_party::by_id(&mut tx, id).await
}

/// Ends what cannot be finished, and says so: nobody may wait for ever.
async fn give_up(
    verification: &Verification,
    waiting: &Waiting,
    code: &'static str,
    at: UnixTime,
) -> Result<bool, StoreError> {
    let context = verification.context();
    let mut tx = context.db.begin().await?;
    if !sql::done(&mut tx, &waiting.answer).await? {
        return Ok(true);
    }
    let from = match waiting.kind {
        AnswerKind::IdentityProofing => {
            identity_proofing::refuse_awaited(&mut tx, &waiting.answer, at).await?
        }
        AnswerKind::EntitlementCheck => {
            entitlement_check::refuse_awaited(&mut tx, &waiting.answer, at).await?
        }
        AnswerKind::ChangeCheck => None,
    };
    let settled = Settled {
        relying_party: &waiting.relying_party,
        answer: &waiting.answer,
        kind: waiting.kind,
        from: from.unwrap_or(State::Held),
        since: waiting.since,
        person: None,
        customer_id: None,
        ending: Ending::Impossible(code),
    };
    super::answers::tell(&mut tx, context, &settled, at).await?;
    tx.commit().await?;
    Ok(true)
}
