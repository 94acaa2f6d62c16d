//! What the features of this program tell the console beside their tables.

use std::collections::BTreeMap;

use async_trait::async_trait;
use musubi_console::{Contract, ImportProgress, Stage, StreamState};
use musubi_platform::RelyingPartyId;
use musubi_store::{StoreError, Tx};
use musubi_stream::push::{self, EndpointStatus, State};
use musubi_verification::Verification;
use musubi_verification::revocation::{Import, Step};

use super::{DeliveryFigure, Sources, sql};

/// The features of one platform.
pub(crate) struct Features {
    pub(crate) verification: Verification,
    /// How old lists may be by the platform's own policy.
    pub(crate) max_list_age: Option<i64>,
}

fn progress(import: Import) -> Option<ImportProgress> {
    let stage = match import.step {
        Step::Fetching => Stage::Fetching,
        Step::Reading => Stage::Verifying,
        Step::Storing => Stage::Building,
        Step::Following => Stage::Recording,
        Step::Done | Step::Failed => return None,
    };
    Some(ImportProgress {
        authority: import.authority.as_str().to_owned(),
        number: import.number,
        stage,
        done: import.done,
        total: import.total,
    })
}

fn state(endpoint: &EndpointStatus) -> StreamState {
    match endpoint.state {
        State::Unverified => StreamState::Unverified,
        State::Active if endpoint.attempts > 0 => StreamState::Retrying,
        State::Active => StreamState::Delivering,
        State::Paused => StreamState::Paused,
        State::Disabled => StreamState::Disabled,
    }
}

#[async_trait]
impl Sources for Features {
    async fn imports(&self) -> Vec<ImportProgress> {
        self.verification.lists().imports().all().into_iter().filter_map(progress).collect()
    }

    async fn contracts(&self, tx: &mut Tx) -> Result<Vec<Contract>, StoreError> {
        let mut contracts = sql::contracts(tx).await?;
        // Who has no contract of their own is under the platform's policy.
        if let Some(max_age_seconds) = self.max_list_age {
            let all = musubi_platform::relying_party::list(tx).await?.len();
            let own: u64 = contracts.iter().map(|contract| contract.relying_parties).sum();
            let relying_parties = u64::try_from(all).unwrap_or(u64::MAX).saturating_sub(own);
            match contracts.iter_mut().find(|contract| contract.max_age_seconds == max_age_seconds) {
                Some(same) => same.relying_parties += relying_parties,
                None => contracts.push(Contract { max_age_seconds, relying_parties }),
            }
        }
        contracts.retain(|contract| contract.relying_parties > 0);
        contracts.sort_by_key(|contract| contract.max_age_seconds);
        Ok(contracts)
    }

    async fn deliveries(&self, tx: &mut Tx) -> Result<BTreeMap<RelyingPartyId, DeliveryFigure>, StoreError> {
        let figure = |endpoint: EndpointStatus| {
            let figure = DeliveryFigure {
                delivered: endpoint.delivered,
                oldest_undelivered_at: endpoint.oldest_undelivered_at,
                dead_letters: endpoint.dead_letters,
                state: state(&endpoint),
            };
            (endpoint.relying_party, figure)
        };
        Ok(push::status(tx).await?.into_iter().map(figure).collect())
    }
}
