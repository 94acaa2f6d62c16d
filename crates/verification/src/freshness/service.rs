//! The rules of freshness contracts: which one applies, and what it makes of a verdict.

use musubi_kernel::{Random, UnixTime};
use musubi_pki::{CertKey, Policy, Verdict};
use musubi_platform::audit::{self, AuditEvent};
use musubi_platform::relying_party::{self, RelyingPartyId};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{Contract, ContractError, InOutage, LONGEST_HOLD, OLDEST_PROVISIONAL, Registered, sql};
use crate::outcome::{State, check_purpose};
use crate::validation_policy::AppliedPolicy;

/// Shortest age and hold, in seconds: less is less than a list takes on its way.
const SHORTEST: i64 = 60;

/// Registers a contract for one purpose, or for all that have none of their own; it applies from now on. `platforms_most` is
/// how old the platform lets evidence be.
///
/// # Errors
/// [`ContractError`].
pub async fn set(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    registered: &Registered,
    platforms_most: Option<i64>,
    random: &dyn Random,
    at: UnixTime,
) -> Result<(), ContractError> {
    let Registered { purpose, contract } = registered;
    check(purpose.as_deref(), contract)?;
    if let Some(most) = platforms_most.filter(|most| contract.max_age_seconds > *most) {
        return Err(ContractError::TooLenient { most });
    }
    relying_party::by_id(tx, relying_party).await?.ok_or(ContractError::UnknownRelyingParty)?;
    sql::set(tx, relying_party, purpose.as_deref().unwrap_or_default(), contract, at).await?;
    let event = AuditEvent {
        kind: audit::FRESHNESS_CONTRACT_SET,
        relying_party: Some(relying_party.clone()),
        person: None,
        detail: json!({ "purpose": purpose, "contract": contract }),
    };
    audit::append(tx, &event, random, at).await?;
    Ok(())
}

fn check(purpose: Option<&str>, contract: &Contract) -> Result<(), ContractError> {
    if let Some(purpose) = purpose {
        check_purpose(purpose).map_err(|_| ContractError::Field("purpose"))?;
    }
    let Contract { max_age_seconds, in_outage, hold_seconds, provisional_max_age_seconds, .. } = contract;
    let provisional = match (in_outage, provisional_max_age_seconds) {
        (InOutage::AcceptWithFollowUp, Some(most)) => (*max_age_seconds..=OLDEST_PROVISIONAL).contains(most),
        (InOutage::Refuse | InOutage::Hold, None) => true,
        _ => false,
    };
    let rules = [
        (*max_age_seconds >= SHORTEST, "max_age_seconds"),
        ((SHORTEST..=LONGEST_HOLD).contains(hold_seconds), "hold_seconds"),
        (provisional, "provisional_max_age_seconds"),
    ];
    rules.into_iter().find(|(kept, _)| !kept).map_or(Ok(()), |(_, field)| Err(ContractError::Field(field)))
}

/// Everything that a relying party has registered, the one for all purposes first.
///
/// # Errors
/// [`StoreError`].
pub async fn contracts_of(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
) -> Result<Vec<Registered>, StoreError> {
    sql::contracts_of(tx, relying_party).await
}

/// The policy with what the contract for this purpose asks beside it, and the contract.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn applied(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    purpose: Option<&str>,
    policy: AppliedPolicy,
) -> Result<(AppliedPolicy, Option<Contract>), StoreError> {
    let Some(contract) = sql::contract(tx, relying_party, purpose.unwrap_or_default()).await? else {
        return Ok((policy, None));
    };
    let asked = Policy {
        max_list_age: Some(contract.max_age_seconds),
        min_rsa_bits: policy.rules.min_rsa_bits,
        not_signed_before: None,
    };
    Ok((policy.beside(&asked), Some(contract)))
}

/// A certificate for which all would have passed by older evidence.
#[derive(Debug, Clone)]
pub(crate) struct Vouched {
    pub(crate) certificate: CertKey,
    pub(crate) not_after: UnixTime,
    /// Of that evidence, in seconds.
    pub(crate) age: i64,
}

/// What a judgement is carried on with: the contract under which it was made, and what it waits for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) contract: Option<Contract>,
    pub(crate) vouched: Option<Vouched>,
    /// If the answer was waiting: in which state, and since when.
    pub(crate) awaited: Option<(State, UnixTime)>,
}

impl Terms {
    /// The state that a verdict leads to.
    #[must_use]
    pub(crate) fn state_after(&self, verdict: &Verdict) -> State {
        let state = State::after(verdict);
        // The wait is over; a contract that was changed since does not prolong it.
        if state == State::Open && self.awaited.is_some() {
            return State::Refused;
        }
        let (State::Open, Some(contract)) = (state, &self.contract) else { return state };
        match contract.in_outage {
            InOutage::Refuse => State::Refused,
            InOutage::Hold => State::Held,
            InOutage::AcceptWithFollowUp => match (&self.vouched, contract.provisional_max_age_seconds) {
                (Some(vouched), Some(most)) if vouched.age <= most => State::Provisional,
                _ => State::Refused,
            },
        }
    }

    /// The state in which the transaction stands until now.
    pub(crate) fn from(&self) -> State {
        self.awaited.map_or(State::Open, |(state, _)| state)
    }
}
