//! The authorities over a living population, as the platform reaches them: lists, succession, correspondence. In this
//! process, without HTTP; an answer is what the population would give at its present instant, linkage lag and all.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use musubi_kernel::UnixTime;
use musubi_nation::Scope;
use musubi_nation::population::{Event, ListOf, PerKind, Population};
use musubi_pki::{AuthorityKind, CertKey, ListScope, SerialNumber};
use musubi_platform::consent::ConsentId;
use musubi_verification::upstream::{
    ConsentEvidence, ConsentTerm, LatestAttributes, PublishedDelta, PublishedList, Receive, SerialSuccession,
    Upstream, UpstreamError,
};

pub(super) struct Authority(Mutex<State>);

struct State {
    population: Population,
    /// Number and instant of the lists before, and of the newest.
    before: Option<(u64, UnixTime)>,
    newest: Option<(u64, UnixTime)>,
}

/// The population's serial numbers have four bytes at most.
fn small(serial: &SerialNumber) -> Option<u32> {
    u32::from_str_radix(&serial.to_string(), 16).ok()
}

fn of_path(path: &str) -> Option<(AuthorityKind, i64, bool)> {
    let mut parts = path.split('/');
    let kind = parts.next()?;
    let authority = AuthorityKind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    Some((authority, parts.next()?.parse().ok()?, parts.next()? == "delta"))
}

impl Authority {
    pub(super) fn over(population: Population) -> Self {
        Self(Mutex::new(State { population, before: None, newest: None }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&Population) -> T) -> T {
        look(&self.state().population)
    }

    pub(super) fn live(&self, until: UnixTime, watch: &mut dyn FnMut(&Event)) {
        self.state().population.live_watched(until, watch);
    }

    /// Puts the lists of this instant in the place of those before.
    pub(super) fn publish(&self) {
        let mut state = self.state();
        let number = state.newest.map_or(1, |(number, _)| number + 1);
        state.before = state.newest;
        state.newest = Some((number, state.population.now()));
    }

    /// The newest good certificates of everybody who has any.
    pub(super) fn holders(&self) -> Vec<(u32, PerKind<Option<u32>>)> {
        let state = self.state();
        let mut signing = state.population.good_certificates(AuthorityKind::DigitalSignature).peekable();
        let mut authentication =
            state.population.good_certificates(AuthorityKind::UserAuthentication).peekable();
        let mut all = Vec::new();
        while let Some(holder) = [signing.peek(), authentication.peek()].into_iter().flatten().min().copied()
        {
            let number = holder.0;
            let digital_signature = signing.next_if(|(of, _)| *of == number).map(|(_, serial)| serial);
            let user_authentication =
                authentication.next_if(|(of, _)| *of == number).map(|(_, serial)| serial);
            all.push((number, PerKind { digital_signature, user_authentication }));
        }
        all
    }
}

#[async_trait]
impl Upstream for Authority {
    async fn revocation_lists(&self) -> Result<Vec<PublishedList>, UpstreamError> {
        let state = self.state();
        let (number, _) = state.newest.ok_or(UpstreamError::Unreachable)?;
        let mut lists = Vec::new();
        for authority in AuthorityKind::ALL {
            for generation in state.population.generations(authority) {
                let key_id =
                    state.population.key_id(authority, generation).map_err(|_| UpstreamError::Malformed)?;
                let path = |what: &str| format!("{}/{generation}/{what}", authority.as_str());
                let delta = |(base_number, _)| PublishedDelta { base_number, number, path: path("delta") };
                lists.push(PublishedList {
                    authority,
                    key_id,
                    number,
                    scope: ListScope::Full,
                    path: path("full"),
                    bytes: None,
                    deltas: state.before.map(delta).into_iter().collect(),
                });
            }
        }
        Ok(lists)
    }

    async fn fetch(&self, path: &str, into: &mut dyn Receive) -> Result<(), UpstreamError> {
        let (authority, generation, delta) = of_path(path).ok_or(UpstreamError::Malformed)?;
        let mut bytes = Vec::new();
        {
            let state = self.state();
            let (number, at) = state.newest.ok_or(UpstreamError::Unreachable)?;
            let list = ListOf { authority, generation, scope: Scope::Full, number, at };
            let written = match (delta, state.before) {
                (true, Some(base)) => state.population.write_delta(&mut bytes, &list, base),
                _ => state.population.write_list(&mut bytes, &list),
            };
            written.ok().flatten().ok_or(UpstreamError::Malformed)?;
        }
        into.chunk(&bytes)
    }

    async fn counterpart(&self, key: &CertKey) -> Result<Option<SerialNumber>, UpstreamError> {
        let found = |serial| self.state().population.correspondence(key.authority, serial);
        Ok(small(&key.serial).and_then(found).map(SerialNumber::from))
    }

    async fn succession(&self, key: &CertKey) -> Result<Option<SerialSuccession>, UpstreamError> {
        let found = |serial| self.state().population.succession(key.authority, serial);
        Ok(small(&key.serial).and_then(found).map(|found| SerialSuccession {
            predecessors: found.predecessors.into_iter().map(SerialNumber::from).collect(),
            current: SerialNumber::from(found.current),
            next_issued_at: found.next_issued_at,
        }))
    }

    async fn register_consent(&self, _: &ConsentEvidence) -> Result<ConsentTerm, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }

    async fn withdraw_consent(&self, _: &ConsentId) -> Result<(), UpstreamError> {
        Err(UpstreamError::Unreachable)
    }

    async fn latest_attributes(
        &self,
        _: &ConsentId,
        _: &str,
        _: &SerialNumber,
    ) -> Result<LatestAttributes, UpstreamError> {
        Err(UpstreamError::Unreachable)
    }
}
