//! How a change check is answered under a freshness contract: what is good is remembered, what waits for evidence is held,
//! or gone on with provisionally.

use musubi_kernel::UnixTime;
use musubi_platform::relying_party::{RelyingParty, RelyingPartyId};
use musubi_store::{StoreError, Tx};
use serde_json::{Value, json};

use super::service::{CertificateState, CertificateStatus, Error, Status, status};
use super::{ChangeCheckId, follow_up};
use crate::Verification;
use crate::freshness::{self, AnswerKind, Awaited, Contract, Ending, Given, InOutage, Said, Settled};
use crate::linking::{self, Link};
use crate::outcome::{State, TransactionError};
use crate::revocation::Snapshot;

/// A change check that is asked, or waits.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: ChangeCheckId,
    pub(crate) customer_id: String,
    /// If it was waiting: in which state, and since when.
    pub(crate) awaited: Option<(State, UnixTime)>,
}

/// What a change check found.
pub(crate) struct Found {
    pub(crate) link: Link,
    pub(crate) status: Status,
    pub(crate) contract: Option<Contract>,
    /// Accepted: it says what is known. Refused, held or provisional: something waits for evidence.
    pub(crate) state: State,
    judged_by: Snapshot,
}

impl Found {
    /// The name of the state on the wire.
    pub(crate) fn state(&self) -> &'static str {
        match self.state {
            State::Accepted | State::Open => "answered",
            waiting => waiting.as_str(),
        }
    }

    /// Whether another list has come since. To be asked after the audit record.
    pub(crate) async fn is_outdated(
        &self,
        tx: &mut Tx,
        verification: &Verification,
    ) -> Result<bool, StoreError> {
        verification.lists().are_outdated(tx, &self.judged_by).await
    }
}

/// Looks at a customer's certificates under the contract for the purpose for which the customer is watched.
pub(crate) async fn find(
    tx: &mut Tx,
    verification: &Verification,
    relying_party: &RelyingPartyId,
    asked: &Asked,
    at: UnixTime,
) -> Result<Found, Error> {
    let link = linking::link_of_customer(tx, relying_party, &asked.customer_id)
        .await?
        .ok_or(Error::UnknownCustomer)?;
    let known = linking::certificates_of(tx, &link.person).await?;
    let purpose = freshness::purpose_of_customer(tx, relying_party, &asked.customer_id).await?;
    let (policy, contract) = verification.policy_of(tx, relying_party, purpose.as_deref()).await?;
    let judged_by = verification.lists().snapshot();
    let mut status = status(&known, &verification.living(&judged_by, at), &policy.rules, at);
    status.refine(&follow_up::decided(tx, &link.person).await?);
    let state = state_of(&status, contract.as_ref(), at);
    Ok(Found { link, status, contract, state, judged_by })
}

fn state_of(status: &Status, contract: Option<&Contract>, at: UnixTime) -> State {
    let mut waiting = status.certificates.iter().filter(|c| c.waits_for_evidence()).peekable();
    let (Some(_), Some(contract)) = (waiting.peek(), contract) else { return State::Accepted };
    let young_enough = |certificate: &CertificateStatus| {
        let most = contract.provisional_max_age_seconds;
        certificate.freshness.zip(most).is_some_and(|(freshness, most)| {
            // Evidence from the future tells of clocks that differ.
            freshness.this_update <= at && freshness.age_seconds <= most
        })
    };
    match contract.in_outage {
        InOutage::Refuse => State::Refused,
        InOutage::Hold => State::Held,
        InOutage::AcceptWithFollowUp if waiting.all(young_enough) => State::Provisional,
        InOutage::AcceptWithFollowUp => State::Refused,
    }
}

/// Remembers what the relying party may act by, and keeps what waits. Before the audit record.
pub(crate) async fn follow(
    tx: &mut Tx,
    verification: &Verification,
    asked: &Asked,
    found: &Found,
    at: UnixTime,
) -> Result<(), StoreError> {
    for certificate in &found.status.certificates {
        let said = match certificate.state {
            CertificateState::Good => Said::Good,
            CertificateState::Undetermined
                if found.state == State::Provisional && certificate.waits_for_evidence() =>
            {
                Said::Provisional
            }
            _ => continue,
        };
        let (Some(freshness), Some(not_after)) = (certificate.freshness, certificate.not_after) else {
            continue;
        };
        let given = Given {
            relying_party: found.link.relying_party.clone(),
            answer: asked.id.to_string(),
            kind: AnswerKind::ChangeCheck,
            said,
            certificate: certificate.key.clone(),
            not_after,
            person: Some(found.link.person.clone()),
            customer_id: Some(found.link.customer_id.clone()),
            freshness,
            at,
        };
        freshness::give(tx, &given).await?;
    }
    if let (State::Held | State::Provisional, Some(contract), None) =
        (found.state, &found.contract, asked.awaited)
    {
        let awaited = Awaited::ChangeCheck {
            customer_id: asked.customer_id.clone(),
            provisional: found.state == State::Provisional,
        };
        let answer = (&found.link.relying_party, asked.id.as_str(), contract);
        freshness::wait_for(tx, verification.context(), answer, &awaited, at).await?;
    }
    Ok(())
}

/// Ends a change check that waits: tells what is known now. `false` if it still waits for evidence and is not `is_last`.
pub(crate) async fn settle(
    tx: &mut Tx,
    verification: &Verification,
    relying_party: &RelyingParty,
    asked: &Asked,
    is_last: bool,
    at: UnixTime,
) -> Result<bool, TransactionError> {
    let mut found = match find(tx, verification, &relying_party.id, asked, at).await {
        Ok(found) => found,
        Err(Error::Store(error)) => return Err(error.into()),
        // The customer is no longer linked.
        Err(_) => return Err(TransactionError::Unknown),
    };
    // What is good now was said now, whatever was said before.
    found.state = State::Accepted;
    let certificates = &found.status.certificates;
    let still_waits = certificates.iter().any(CertificateStatus::waits_for_evidence);
    if still_waits && !is_last {
        return Ok(false);
    }
    let is_revoked = |c: &CertificateStatus| matches!(c.state, CertificateState::Revoked(_));
    let (from, since) = asked.awaited.unwrap_or((State::Held, at));
    let ended = Settled {
        relying_party: &relying_party.id,
        answer: asked.id.as_str(),
        kind: AnswerKind::ChangeCheck,
        from,
        since,
        person: Some(&found.link.person),
        customer_id: Some(&asked.customer_id),
        ending: Ending::Known {
            good: !still_waits && !certificates.iter().any(is_revoked),
            certificates: told(certificates),
            freshness: json!(found.status.freshness),
        },
    };
    let context = verification.context();
    let entry = freshness::settled(tx, context, &ended, at).await?;
    follow(tx, verification, asked, &found, at).await?;
    freshness::announce(tx, context, &ended, entry, at).await?;
    if found.is_outdated(tx, verification).await? {
        return Err(TransactionError::Outdated);
    }
    Ok(true)
}

/// As answers and entries say it.
pub(crate) fn told(certificates: &[CertificateStatus]) -> Value {
    certificates
        .iter()
        .map(|certificate| {
            let (state, change) = words(certificate.state);
            json!({
                "kind": certificate.key.authority, "state": state, "change": change,
                "freshness": certificate.freshness,
            })
        })
        .collect()
}

/// State and kind of change.
pub(crate) fn words(state: CertificateState) -> (&'static str, Option<&'static str>) {
    match state {
        CertificateState::Good => ("good", None),
        CertificateState::Revoked(kind) => ("revoked", Some(kind.as_str())),
        CertificateState::Expired => ("expired", None),
        CertificateState::Undetermined => ("undetermined", None),
    }
}
