//! Consents that the authority may hold although no proofing was accepted with them. A resident could neither see nor
//! withdraw such a consent, so the platform does.

use musubi_kernel::UnixTime;
use musubi_store::StoreError;

use super::sql;
use crate::Verification;
use crate::outcome::LIFETIME;
use crate::upstream::UpstreamError;

/// Withdraws upstream the consents of transactions that ended without being accepted: the consent was registered, and
/// then the answer was lost, a newer list refused the certificate, or nobody completed in time. Answers how many.
///
/// # Errors
/// [`StoreError`]. If the authority does not answer, the rest waits for the next call.
pub async fn withdraw_orphaned_consents(
    verification: &Verification,
    at: UnixTime,
) -> Result<u32, StoreError> {
    let db = &verification.context().db;
    let mut tx = db.begin_read().await?;
    // A completion that began just before the end may still be under way.
    let orphans = sql::orphaned_consents(&mut tx, at.plus(-LIFETIME)).await?;
    drop(tx);
    let mut count = 0;
    for consent in orphans {
        match verification.upstream().withdraw_consent(&consent).await {
            // Refused: the authority has no such consent.
            Ok(()) | Err(UpstreamError::Refused { .. }) => {}
            Err(_) => break,
        }
        let mut tx = db.begin().await?;
        sql::forget_consent(&mut tx, &consent).await?;
        tx.commit().await?;
        count += 1;
    }
    Ok(count)
}
