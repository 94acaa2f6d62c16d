//! Withdrawal of a consent by the resident: first upstream, so that nothing more is provided, then here.

use musubi_kernel::UnixTime;
use musubi_platform::consent::{self, ConsentId, Withdrawal};
use musubi_platform::person::PersonId;
use musubi_store::StoreError;

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
    let mut tx = context.db.begin().await?;
    match consent::withdraw(&mut tx, id, person, context.random.as_ref(), at).await? {
        Withdrawal::Withdrawn(_) | Withdrawal::AlreadyWithdrawn(_) => {}
        Withdrawal::Unknown => return Err(WithdrawError::Unknown),
    }
    tx.commit().await?;
    Ok(())
}
