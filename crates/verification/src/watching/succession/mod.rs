//! Following a person to new certificates (新旧紐付け) without anyone acting.
//!
//! ```text
//!  a list says superseded or affiliationChanged ─┐
//!  the validity of a certificate ends ───────────┴─► pending ──ask upstream──► succeeded: remembered for the person
//!                                                      ▲   │
//!                                                      └───┘ not yet: asked again, ever more rarely, for 90 days
//! ```
//!
//! Linkage lags by up to 90 minutes behind the list, and after a change of attributes the next certificate comes when the
//! resident fetches it, perhaps never. What upstream does not say is not guessed: a certificate without an answer stays
//! without one, and the next identity proofing or sign-in finds the person by its own questions.
//!
//! Not here: what a change meant. Who wants to tell it once the successor is known implements [`OnSucceeded`].

mod service;
mod sql;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use musubi_kernel::UnixTime;
use musubi_pki::CertKey;
use musubi_platform::Context;
use musubi_platform::person::PersonId;
use musubi_store::{StoreError, Tx};

use crate::Verification;
use crate::linking::CertificateFollowed;
use crate::upstream::{Upstream, UpstreamError};

/// How many questions are asked of upstream at a time.
const CONCURRENT: usize = 8;
/// How many certificates are followed in one step.
const STEP: u32 = 256;

/// What follows once a successor is known, in the transaction that remembers it.
#[async_trait]
pub trait OnSucceeded: Send + Sync {
    /// `old` ended and `new` is the same person's next certificate of that kind. Called once for each pair. Appends to
    /// the change stream before it appends to the audit log, if it does either.
    ///
    /// # Errors
    /// [`StoreError`]: then nothing of this step is written, and it is done again.
    async fn on_succeeded(
        &self,
        tx: &mut Tx,
        context: &Context,
        person: &PersonId,
        (old, new): (&CertKey, &CertKey),
        at: UnixTime,
    ) -> Result<(), StoreError>;
}

/// Tells nobody.
#[derive(Debug, Clone, Copy)]
pub struct TellNobody;

#[async_trait]
impl OnSucceeded for TellNobody {
    async fn on_succeeded(
        &self,
        _: &mut Tx,
        _: &Context,
        _: &PersonId,
        _: (&CertKey, &CertKey),
        _: UnixTime,
    ) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A certificate whose successor is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Pending {
    pub(crate) key: CertKey,
    pub(crate) person: PersonId,
    /// When it was found to have ended.
    pub(crate) since: UnixTime,
    pub(crate) tries: i64,
}

/// The queue, for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Certificates whose successors are asked for.
    pub pending: u64,
    /// Of these, the ones that are due.
    pub due: u64,
    /// When the one that waits longest ended.
    pub oldest: Option<UnixTime>,
}

/// What a step did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Followed {
    /// Successors that are remembered now.
    pub succeeded: u32,
    /// Certificates without an answer that helps: asked again later.
    pub waiting: u32,
    /// Certificates that are asked for no more: too old, or no longer anybody's.
    pub given_up: u32,
    /// Successors that are known as somebody else's. Upstream and the platform disagree; nothing was changed.
    pub contradicted: u32,
    /// Questions that upstream did not answer.
    pub unanswered: u32,
}

/// The queue as it stands.
///
/// # Errors
/// [`StoreError`].
pub async fn queue(tx: &mut Tx, at: UnixTime) -> Result<Queue, StoreError> {
    sql::queue(tx, at).await
}

/// Upstream's answer about one certificate.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The certificate in force, and its counterpart if there is one.
    Next(CertKey, Option<CertKey>),
    /// Nothing newer yet.
    NotYet,
    /// No answer.
    Unanswered,
}

/// One step: queues what expired, asks about what is due, remembers what came. Call it after each intake and every few
/// seconds in between: where nothing is due, it costs one look at the queue.
///
/// # Errors
/// [`StoreError`].
pub async fn follow(verification: &Verification, hook: &dyn OnSucceeded) -> Result<Followed, StoreError> {
    let context = verification.context();
    let at = context.clock.now();
    let due = {
        let mut tx = context.db.begin_read().await?;
        let expired = sql::expired_waiting(&mut tx, at).await?;
        drop(tx);
        if expired {
            let mut tx = context.db.begin().await?;
            sql::queue_expired(&mut tx, at, STEP).await?;
            tx.commit().await?;
        }
        let mut tx = context.db.begin_read().await?;
        sql::due(&mut tx, at, STEP).await?
    };
    if due.is_empty() {
        return Ok(Followed::default());
    }
    let upstream = verification.upstream();
    let answers: Vec<(Pending, Answer)> = stream::iter(due)
        .map(async |pending| {
            let answer = ask(upstream, &pending.key).await;
            (pending, answer)
        })
        .buffer_unordered(CONCURRENT)
        .collect()
        .await;
    let mut tx = context.db.begin().await?;
    let (followed, records) = service::settle(&mut tx, context, hook, answers, at).await?;
    musubi_platform::audit::append_all(&mut tx, &records, context.random.as_ref(), at).await?;
    tx.commit().await?;
    Ok(followed)
}

async fn ask(upstream: &dyn Upstream, key: &CertKey) -> Answer {
    match next_of(upstream, key).await {
        Ok(Some((next, counterpart))) => Answer::Next(next, counterpart),
        Ok(None) => Answer::NotYet,
        Err(_) => Answer::Unanswered,
    }
}

async fn next_of(
    upstream: &dyn Upstream,
    key: &CertKey,
) -> Result<Option<(CertKey, Option<CertKey>)>, UpstreamError> {
    let Some(succession) = upstream.succession(key).await? else { return Ok(None) };
    if succession.current == key.serial {
        return Ok(None);
    }
    let next = CertKey { authority: key.authority, serial: succession.current };
    let counterpart = upstream.counterpart(&next).await?;
    let counterpart = counterpart.map(|serial| CertKey { authority: key.authority.counterpart(), serial });
    Ok(Some((next, counterpart)))
}

/// Whether a remembered certificate is the person's now.
pub(crate) fn is_theirs(followed: &CertificateFollowed) -> bool {
    !matches!(followed, CertificateFollowed::SomebodyElses)
}
