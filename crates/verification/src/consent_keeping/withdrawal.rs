//! Withdrawal of a consent by the resident: first upstream, so that nothing more is provided, then here.

use musubi_kernel::UnixTime;
use musubi_platform::Context;
use musubi_platform::consent::{self, Consent, ConsentId, Withdrawal};
use musubi_platform::person::PersonId;
use musubi_store::StoreError;

use super::{Turn, tell, told_of};
use crate::Verification;
use crate::upstream::UpstreamError;

/// Why a consent was not withdrawn.
#[derive(Debug, thiserror::Error)]
pub enum WithdrawError {
    /// The person gave no such consent.
    #[error("no such consent")]
    Unknown,
    /// The authority did not take it. The consent stands; to be tried again.
    #[error(transparent)]
    Upstream(UpstreamError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Withdraws a consent of `person`. To withdraw it again changes nothing.
///
/// # Errors
/// [`WithdrawError`].
pub async fn withdraw(
    verification: &Verification,
    id: &ConsentId,
    person: &PersonId,
    at: UnixTime,
) -> Result<(), WithdrawError> {
    let context = verification.context();
    {
        let mut tx = context.db.begin_read().await?;
        let theirs = consent::by_id(&mut tx, id).await?.is_some_and(|consent| consent.person == *person);
        if !theirs {
            return Err(WithdrawError::Unknown);
        }
    }
    verification.upstream().withdraw_consent(id).await.map_err(WithdrawError::Upstream)?;
    let mut tx = context.db.begin_read().await?;
    let consent = consent::by_id(&mut tx, id).await?.ok_or(WithdrawError::Unknown)?;
    drop(tx);
    withdraw_here(context, &consent, at).await?;
    Ok(())
}

/// Withdraws a consent that is withdrawn at the authority; answers whether it was not before.
pub(super) async fn withdraw_here(
    context: &Context,
    theirs: &Consent,
    at: UnixTime,
) -> Result<bool, StoreError> {
    if theirs.withdrawn_at.is_some() {
        return Ok(false);
    }
    let mut tx = context.db.begin().await?;
    tell(&mut tx, context, &told_of(theirs), Turn::Withdrawn, at).await?;
    match consent::withdraw(&mut tx, &theirs.id, &theirs.person, context.random.as_ref(), at).await? {
        Withdrawal::Withdrawn(_) => {
            tx.commit().await?;
            Ok(true)
        }
        // By somebody else meanwhile, who has told it: what was appended here is given up.
        Withdrawal::AlreadyWithdrawn(_) | Withdrawal::Unknown => Ok(false),
    }
}
