//! Evidence that a contract asks for beside the lists: OCSP, and the older evidence on which a provisional acceptance rests.

use std::sync::Arc;

use musubi_kernel::UnixTime;
use musubi_pki::{MAX_RESPONSE_BYTES, Policy, Verdict, VerifiedRevocationList, answers_nonce, ocsp_request};

use super::{CheckBy, Contract, InOutage};
use crate::Verification;

/// Asks the responder about a certificate if the contract wants it after this first verdict. No answer is no evidence: what
/// then follows is for the contract's rule of outages to say.
pub(crate) async fn ocsp_responses(
    verification: &Verification,
    contract: Option<&Contract>,
    verdict: &Verdict,
    certificate: &[u8],
) -> Vec<Vec<u8>> {
    let wanted = match contract.map(|contract| contract.check_by) {
        None | Some(CheckBy::List) => false,
        Some(CheckBy::ListThenOcsp) => verdict.may_pass_later(),
        Some(CheckBy::Ocsp) => verdict.may_pass_later() || verdict.is_passed(),
    };
    if !wanted {
        return Vec::new();
    }
    let mut nonce = [0; 32];
    verification.context().random.fill(&mut nonce);
    let Some(request) = ocsp_request(certificate, verification.anchors(), &nonce) else { return Vec::new() };
    match verification.upstream().ocsp(request.authority, &request.der).await {
        // Without the nonce it may have been recorded; the responder of the upstream API always has it.
        Ok(response) if response.len() <= MAX_RESPONSE_BYTES && answers_nonce(&response, &nonce) => {
            vec![response]
        }
        Ok(_) => {
            tracing::warn!(authority = %request.authority, "an OCSP response does not answer its request");
            Vec::new()
        }
        Err(_) => Vec::new(),
    }
}

/// By which older evidence, and as of when, a certificate may be looked at that cannot be judged now: the freshest list that
/// covers it, as of its end. `None` if the contract allows no provisional acceptance, or none on evidence so old.
pub(crate) fn as_of(
    contract: Option<&Contract>,
    verdict: &Verdict,
    covering: &[Arc<VerifiedRevocationList>],
    rules: &Policy,
    at: UnixTime,
) -> Option<(Policy, UnixTime, i64)> {
    let contract = contract.filter(|contract| contract.in_outage == InOutage::AcceptWithFollowUp)?;
    let most = contract.provisional_max_age_seconds?;
    if !verdict.may_pass_later() {
        return None;
    }
    // A list from the future tells of clocks that differ.
    let freshest =
        covering.iter().filter(|list| list.this_update() <= at).max_by_key(|list| list.this_update())?;
    let age = at.since(freshest.this_update());
    let rules = Policy { max_list_age: None, ..*rules };
    (age <= most).then(|| (rules, freshest.next_update().min(at), age))
}
