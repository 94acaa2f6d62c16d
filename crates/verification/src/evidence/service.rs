//! The rules of the evidence: keep it sealed, give it out as a bundle.

use musubi_crypto::{OpenError, SealingKey};
use musubi_platform::Context;
use musubi_platform::audit::{self, AuditError, Receipt};
use musubi_signature::bundle::{AuditPart, seal};
use musubi_store::{StoreError, Tx};

use super::sql;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// No verdict stands there.
    #[error("there is no verdict with this index or transaction")]
    Unknown,
    /// The evidence was sealed with another secret, or was changed in the database.
    #[error("the stored evidence cannot be opened: it was changed, or sealed with another secret")]
    Sealed(#[from] OpenError),
    /// The audit log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps the content of a bundle whose digest is in the audit record of `receipt`, in the same transaction.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn keep(
    tx: &mut Tx,
    context: &Context,
    receipt: &Receipt,
    transaction: &str,
    content: &[u8],
) -> Result<(), StoreError> {
    let corrupt = |_| StoreError::Corrupt("sealed");
    let key = sealing_key(context).map_err(corrupt)?;
    let sealed = key.seal(&place(receipt.index), content).map_err(corrupt)?;
    sql::insert(tx, receipt.index, transaction, &sealed).await
}

/// The bundle of the verdict whose audit record has this index. Always the same bytes: the proof is that of the log as
/// it was when the record was its last.
///
/// # Errors
/// [`EvidenceError`].
pub async fn bundle(tx: &mut Tx, context: &Context, index: u64) -> Result<Vec<u8>, EvidenceError> {
    let sealed = sql::sealed(tx, index).await?.ok_or(EvidenceError::Unknown)?;
    let content = sealing_key(context)?.open(&place(index), &sealed)?;
    let record = audit::record(tx, index).await?.ok_or(EvidenceError::Unknown)?;
    let size = index.saturating_add(1);
    let (_, path) = audit::inclusion(tx, index, size).await?;
    let root = audit::root_at(tx, size).await?;
    let audit = AuditPart { record: record.record.into_bytes(), index, size, root, path };
    Ok(seal(&content, &audit, &context.signing_key))
}

/// The audit indexes of a transaction's verdicts, the last one last: a transaction that could not be judged at first has
/// several.
///
/// # Errors
/// [`StoreError`].
pub async fn bundles_of(tx: &mut Tx, transaction: &str) -> Result<Vec<u64>, StoreError> {
    sql::indexes(tx, transaction).await
}

fn sealing_key(context: &Context) -> Result<SealingKey, OpenError> {
    SealingKey::derive(context.pairwise_secret.expose(), "verdict evidence")
}

fn place(index: u64) -> [u8; 8] {
    index.to_be_bytes()
}
