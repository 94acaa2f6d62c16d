//! Whether the holder's key signed the document.

use musubi_crypto::equal_in_constant_time;

use super::{Finding, algorithm_name, key_name, on_certificate};
use crate::facts::Facts;
use crate::indication::SubIndication;
use crate::judge::Evidence;
use crate::reasons::ReasonCode;

pub(super) fn document_digest(facts: &Facts<'_>) -> Finding {
    let Some(expected) = facts.evidence.expected_digest else {
        return Finding::skipped();
    };
    let kept = facts.sha256.is_some_and(|digest| equal_in_constant_time(digest.as_ref(), &expected));
    Finding::rule(kept, SubIndication::HashFailure, ReasonCode::SignatureTampered)
        .with("algorithm", "SHA-256")
}

pub(super) fn signature_value(facts: &Facts<'_>) -> Finding {
    on_certificate(facts, |certificate| match certificate.public_key() {
        Err(_) => Finding::skipped(),
        Ok(key) => {
            let Evidence { signature, .. } = *facts.evidence;
            let kept = facts
                .signed_digest
                .is_some_and(|digest| key.verify_digest(key.algorithm(), &digest, signature).is_ok());
            Finding::rule(kept, SubIndication::SigCryptoFailure, ReasonCode::SignatureTampered)
                .with("algorithm", algorithm_name(key.algorithm()))
                .with("key", key_name(key.strength()))
        }
    })
}
