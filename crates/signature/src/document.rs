//! A whole document: every signature that its format finds, each judged.

use musubi_crypto::{Sha256Digest, sha256};
use musubi_pki::Indication;

use crate::formats::{Format, detect};
use crate::model::NotASignature;
use crate::process::{Context, SignatureJudgement, judge_signature};

/// A document, judged.
#[derive(Debug, Clone)]
pub struct DocumentJudgement {
    /// The format's id.
    pub format: &'static str,
    /// SHA-256 of the file.
    pub sha256: Sha256Digest,
    /// SHA-256 of the signed content, if it was another file.
    pub detached_sha256: Option<Sha256Digest>,
    /// Every signature, in the order of the document; never empty.
    pub signatures: Vec<SignatureJudgement>,
}

impl DocumentJudgement {
    /// TOTAL-PASSED if every signature is; else TOTAL-FAILED if one is; else INDETERMINATE.
    #[must_use]
    pub fn indication(&self) -> Indication {
        let all = |wanted| self.signatures.iter().all(|s| s.verdict.indication() == wanted);
        let any = |wanted| self.signatures.iter().any(|s| s.verdict.indication() == wanted);
        if !self.signatures.is_empty() && all(Indication::TotalPassed) {
            Indication::TotalPassed
        } else if any(Indication::TotalFailed) {
            Indication::TotalFailed
        } else {
            Indication::Indeterminate
        }
    }
}

/// Judges every signature of a file, whatever its format. `detached` is the signed content if it is another file.
///
/// # Errors
/// [`NotASignature`] if the file is of no known format, or nothing can be found in it to judge.
pub fn judge_document(
    file: &[u8],
    detached: Option<&[u8]>,
    context: &Context<'_>,
) -> Result<DocumentJudgement, NotASignature> {
    let format = detect(file).ok_or(NotASignature::Malformed("no known signature format"))?;
    judge_document_as(format, file, detached, context)
}

/// [`judge_document`] for a file whose format is known.
///
/// # Errors
/// [`NotASignature`].
pub fn judge_document_as(
    format: &Format,
    file: &[u8],
    detached: Option<&[u8]>,
    context: &Context<'_>,
) -> Result<DocumentJudgement, NotASignature> {
    let found = format.find(file, detached)?;
    if found.is_empty() {
        return Err(NotASignature::NoSignature);
    }
    Ok(DocumentJudgement {
        format: format.id,
        sha256: sha256(file),
        detached_sha256: detached.map(sha256),
        signatures: found.into_iter().map(|signature| judge_signature(signature, context)).collect(),
    })
}
