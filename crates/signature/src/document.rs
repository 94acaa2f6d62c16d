//! A whole document: every signature that its format finds, each judged.

use musubi_crypto::{Sha256Digest, sha256};
use musubi_pki::Indication;

use crate::formats::{Format, TIME_STAMP, detect};
use crate::model::{Found, NotASignature, Role};
use crate::process::{Allowance, Context, SignatureJudgement, judge_one_of, judge_signature};

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
    /// TOTAL-PASSED if every signature is; else TOTAL-FAILED if one is; else INDETERMINATE. Counter-signatures are not
    /// asked: anyone can add one to a document of somebody else. Time-stamps alone are no signature of a document,
    /// unless the file is one: an authority stamps whatever it is sent.
    #[must_use]
    pub fn indication(&self) -> Indication {
        let decisive = || {
            let own = self.signatures.iter().filter(|s| s.role != Role::CounterSignature);
            own.map(|s| s.verdict.indication())
        };
        let is_signed = || self.signatures.iter().any(|s| s.role == Role::Signature);
        if (is_signed() || self.format == TIME_STAMP && decisive().next().is_some())
            && decisive().all(|i| i == Indication::TotalPassed)
        {
            Indication::TotalPassed
        } else if decisive().any(|i| i == Indication::TotalFailed) {
            Indication::TotalFailed
        } else {
            Indication::Indeterminate
        }
    }

    /// A document of one signature that was found by other means than its file's format.
    #[must_use]
    pub fn of_one(format: &'static str, file: &[u8], found: Found<'_>, context: &Context<'_>) -> Self {
        Self {
            format,
            sha256: sha256(file),
            detached_sha256: None,
            signatures: vec![judge_signature(found, context)],
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
    let allowance = Allowance::of(context);
    Ok(DocumentJudgement {
        format: format.id,
        sha256: sha256(file),
        detached_sha256: detached.map(sha256),
        signatures: found.into_iter().map(|one| judge_one_of(one, context, &allowance)).collect(),
    })
}
