//! The upstream API over a population: lists in files, everything else from memory. Its router is in
//! `upstream/http`; the wire is the small nation's (`docs/spec/upstream.md`).
//!
//! Consent is different: the population's residents have no keys, so that a signed consent cannot be checked and is
//! refused. [`PopulationUpstream::consent_as`] stands for one that a resident signed.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use musubi_kernel::{Secret, UnixTime};
use musubi_pki::{AuthorityKind, SerialNumber};

use super::publishing::ListOf;
use super::{Event, KINDS, Population, Succession};
use crate::MUNICIPALITIES;
use crate::list_writer::{Scope, WriteError, Written};
use crate::lists::LIST_LIFETIME;
use crate::upstream::provider::{Content, ListBytes, ListName, Provider, Published, PublishedDelta, Scopes};
use crate::upstream::{
    Consent, ConsentTerm, FEE_YEN, Followed, Item, Provided, Refusal, consent_term, small,
};

/// So many delta lists of a list are kept, the newest.
const DELTAS: usize = 8;

/// Whether lists of the municipalities are published beside the full ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitions {
    /// Full lists only.
    None,
    /// One for each municipality, too.
    Municipalities,
}

/// Why a consent is not recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a good signing certificate of this population, no such item, or the identifier is taken")]
pub struct ConsentRefused;

/// A population behind the upstream API. Clones are handles to the same one.
#[derive(Clone)]
pub struct PopulationUpstream {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for PopulationUpstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PopulationUpstream")
    }
}

struct Inner {
    population: RwLock<Population>,
    folder: PathBuf,
    partitions: Partitions,
    credential: Secret<String>,
    unreachable: AtomicBool,
    fees_yen: AtomicU64,
    shelf: RwLock<Shelf>,
    consents: Mutex<HashMap<String, Given>>,
}

/// What is published.
#[derive(Default)]
struct Shelf {
    /// Number and instant of the newest lists.
    newest: Option<(u64, UnixTime)>,
    lists: Vec<Published>,
    files: HashMap<String, (PathBuf, Written)>,
}

struct Given {
    service_id: String,
    holder: u32,
    items: Vec<Item>,
    given_at: UnixTime,
    term: ConsentTerm,
    withdrawn_at: Option<UnixTime>,
}

/// A list's file, and its place on the shelf.
fn file_name(name: &ListName) -> String {
    let scope = match name.scope {
        Scope::Full => "full",
        Scope::Municipality(town) => town.code,
    };
    let delta = name.delta.map(|(base, number)| format!("-{base}-{number}")).unwrap_or_default();
    format!("{}-{}-{scope}{delta}.crl", name.authority, name.key_id)
}

impl PopulationUpstream {
    /// A population with a folder for its lists and the operator's credential. Nothing is published yet.
    #[must_use]
    pub fn new(
        population: Population,
        folder: PathBuf,
        partitions: Partitions,
        credential: Secret<String>,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                population: RwLock::new(population),
                folder,
                partitions,
                credential,
                unreachable: AtomicBool::new(false),
                fees_yen: AtomicU64::new(0),
                shelf: RwLock::default(),
                consents: Mutex::default(),
            }),
        }
    }

    /// Asks the population something, as it is now. Asks nothing of this handle meanwhile.
    pub fn read<T>(&self, ask: impl FnOnce(&Population) -> T) -> T {
        ask(&self.population())
    }

    fn population(&self) -> RwLockReadGuard<'_, Population> {
        self.inner.population.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the population live on to an instant, and shows every event. Publishes nothing.
    pub fn live_watched(&self, at: UnixTime, watch: &mut dyn FnMut(&Event)) {
        let mut population = self.inner.population.write().unwrap_or_else(PoisonError::into_inner);
        population.live_watched(at, watch);
    }

    /// Whether every route answers 503 with an empty body.
    pub fn set_unreachable(&self, unreachable: bool) {
        self.inner.unreachable.store(unreachable, Ordering::SeqCst);
    }

    /// Fees of all provisions of latest attributes so far, in yen.
    #[must_use]
    pub fn fees_yen(&self) -> u64 {
        self.inner.fees_yen.load(Ordering::SeqCst)
    }

    /// Publishes the lists of the present instant, and the delta lists from those before. All appear at once. Writes
    /// files: not for an async thread.
    ///
    /// # Errors
    /// [`WriteError`]; then what was published stands as before.
    pub fn publish(&self) -> Result<u64, WriteError> {
        let population = self.population();
        let (before, old) = {
            let shelf = self.shelf();
            (shelf.newest, shelf.lists.clone())
        };
        let at = population.now();
        let number = before.map_or(1, |(number, _)| number + 1);
        let mut shelf = Shelf { newest: Some((number, at)), ..Shelf::default() };
        let mut scopes = vec![Scope::Full];
        if self.inner.partitions == Partitions::Municipalities {
            scopes.extend(MUNICIPALITIES.iter().map(Scope::Municipality));
        }
        for authority in KINDS {
            for generation in population.generations(authority) {
                let key_id = population.key_id(authority, generation)?;
                for scope in scopes.iter().copied() {
                    let list = ListOf { authority, generation, scope, number, at };
                    let name = ListName { authority, key_id: key_id.clone(), scope, delta: None };
                    let previous =
                        old.iter().find(|o| (o.authority, &o.key_id, o.scope) == (authority, &key_id, scope));
                    let deltas = self.deltas(&population, &list, &name, previous, before, &mut shelf)?;
                    let path = self.inner.folder.join(format!("{number}-{}", file_name(&name)));
                    let Some(written) = written_to(&path, |sink| population.write_list(sink, &list))? else {
                        continue;
                    };
                    shelf.files.insert(file_name(&name), (path, written));
                    shelf.lists.push(Published {
                        authority,
                        key_id: key_id.clone(),
                        number,
                        this_update: at,
                        next_update: at.plus(LIST_LIFETIME),
                        scope,
                        bytes: written.bytes,
                        sha256: written.sha256,
                        deltas,
                    });
                }
            }
        }
        self.replace(shelf);
        Ok(number)
    }

    /// Writes the delta list that leads to `list`, and takes over those that stay; oldest first. Full lists only.
    fn deltas(
        &self,
        population: &Population,
        list: &ListOf,
        name: &ListName,
        previous: Option<&Published>,
        before: Option<(u64, UnixTime)>,
        shelf: &mut Shelf,
    ) -> Result<Vec<PublishedDelta>, WriteError> {
        let (Some(previous), Some(before), Scope::Full) = (previous, before, list.scope) else {
            return Ok(Vec::new());
        };
        let mut deltas = previous.deltas.clone();
        let delta = ListName { delta: Some((before.0, list.number)), ..name.clone() };
        let path = self.inner.folder.join(file_name(&delta));
        if let Some(written) = written_to(&path, |sink| population.write_delta(sink, list, before))? {
            shelf.files.insert(file_name(&delta), (path, written));
            deltas.push(PublishedDelta {
                base_number: before.0,
                number: list.number,
                bytes: written.bytes,
                sha256: written.sha256,
            });
        }
        deltas.drain(..deltas.len().saturating_sub(DELTAS));
        let standing = self.shelf();
        for kept in &deltas {
            let name = file_name(&ListName { delta: Some((kept.base_number, kept.number)), ..name.clone() });
            if let Some(file) = standing.files.get(&name) {
                shelf.files.entry(name).or_insert_with(|| file.clone());
            }
        }
        Ok(deltas)
    }

    fn shelf(&self) -> RwLockReadGuard<'_, Shelf> {
        self.inner.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the new shelf up and deletes the files that only the old one had.
    fn replace(&self, shelf: Shelf) {
        let old = {
            let mut standing = self.inner.shelf.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *standing, shelf)
        };
        let standing = self.shelf();
        let still = |path: &Path| standing.files.values().any(|(kept, _)| kept == path);
        for (path, _) in old.files.values().filter(|(path, _)| !still(path)) {
            // A download of it that is under way fails and begins anew, as after any replacement.
            drop(std::fs::remove_file(path));
        }
    }

    /// Records a consent as if the holder of this signing certificate had signed it. `items`: of `name`, `address`,
    /// `date_of_birth`, `sex`. The same again gets the same answer.
    ///
    /// # Errors
    /// [`ConsentRefused`].
    pub fn consent_as(
        &self,
        consent_id: &str,
        service_id: &str,
        serial: u32,
        items: &[&str],
    ) -> Result<ConsentTerm, ConsentRefused> {
        let chosen: Vec<Item> = Item::ALL.into_iter().filter(|item| items.contains(&item.as_str())).collect();
        if chosen.is_empty() || chosen.len() != items.len() {
            return Err(ConsentRefused);
        }
        let population = self.population();
        let kind = AuthorityKind::DigitalSignature;
        let holder = population.holder(kind, serial).ok_or(ConsentRefused)?;
        let mut consents = self.inner.consents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(given) = consents.get(consent_id) {
            let same =
                (given.service_id.as_str(), given.holder, &given.items) == (service_id, holder, &chosen);
            return if same { Ok(given.term) } else { Err(ConsentRefused) };
        }
        let now = population.now();
        let valid = population.validity(kind, serial).is_some_and(|(from, to)| from <= now && now <= to);
        if !valid || population.fate(kind, serial).is_some() {
            return Err(ConsentRefused);
        }
        let term = consent_term(now).map_err(|_| ConsentRefused)?;
        let given = Given {
            service_id: service_id.to_owned(),
            holder,
            items: chosen,
            given_at: now,
            term,
            withdrawn_at: None,
        };
        consents.insert(consent_id.to_owned(), given);
        Ok(term)
    }
}

/// Writes a file whole or not at all: under another name first. No file if there is no list.
fn written_to(
    path: &Path,
    write: impl FnOnce(&mut dyn std::io::Write) -> Result<Option<Written>, WriteError>,
) -> Result<Option<Written>, WriteError> {
    let unfinished = path.with_extension("part");
    let mut sink = BufWriter::new(File::create(&unfinished)?);
    let written = write(&mut sink)?;
    sink.flush()?;
    if written.is_some() {
        std::fs::rename(&unfinished, path)?;
    } else {
        std::fs::remove_file(&unfinished)?;
    }
    Ok(written)
}

impl Provider for PopulationUpstream {
    fn credential(&self) -> &Secret<String> {
        &self.inner.credential
    }

    fn is_unreachable(&self) -> bool {
        self.inner.unreachable.load(Ordering::SeqCst)
    }

    async fn published(&self, scopes: Scopes) -> Result<Vec<Published>, Refusal> {
        Ok(self.shelf().lists.iter().filter(|list| scopes.has(list.scope)).cloned().collect())
    }

    async fn list(&self, name: &ListName) -> Result<ListBytes, Refusal> {
        let shelf = self.shelf();
        let (path, written) = shelf.files.get(&file_name(name)).ok_or(Refusal::NotFound)?;
        let content = Content::File(path.clone());
        Ok(ListBytes { length: written.bytes, sha256: written.sha256, content })
    }

    async fn correspondence(&self, kind: AuthorityKind, serial: &SerialNumber) -> Result<u32, Refusal> {
        let serial = small(serial).ok_or(Refusal::NoCorrespondence)?;
        self.population().correspondence(kind, serial).ok_or(Refusal::NoCorrespondence)
    }

    async fn succession(&self, kind: AuthorityKind, serial: &SerialNumber) -> Result<Followed, Refusal> {
        let serial = small(serial).ok_or(Refusal::UnknownCertificate)?;
        let found = self.population().succession(kind, serial).ok_or(Refusal::UnknownCertificate)?;
        let Succession { predecessors, current, next_issued_at } = found;
        Ok(Followed { predecessors, current, next_issued_at })
    }

    async fn give_consent(&self, _: Consent) -> Result<ConsentTerm, Refusal> {
        Err(Refusal::ConsentSignature)
    }

    async fn withdraw_consent(&self, consent_id: &str) -> Result<(), Refusal> {
        let now = self.population().now();
        let mut consents = self.inner.consents.lock().unwrap_or_else(PoisonError::into_inner);
        let given = consents.get_mut(consent_id).ok_or(Refusal::NotFound)?;
        given.withdrawn_at = given.withdrawn_at.or(Some(now));
        Ok(())
    }

    async fn withdrawals(
        &self,
        service_id: &str,
        since: UnixTime,
        limit: u32,
    ) -> Result<Vec<(String, UnixTime)>, Refusal> {
        let consents = self.inner.consents.lock().unwrap_or_else(PoisonError::into_inner);
        let of_service = consents.iter().filter(|(_, given)| given.service_id == service_id);
        let mut found: Vec<_> = of_service
            .filter_map(|(id, given)| Some((id.clone(), given.withdrawn_at.filter(|at| *at >= since)?)))
            .collect();
        found.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
        found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(found)
    }

    async fn latest_attributes(
        &self,
        consent_id: &str,
        service_id: &str,
        serial: &SerialNumber,
    ) -> Result<(Provided, u32), Refusal> {
        let serial = small(serial).ok_or(Refusal::NoConsent)?;
        let population = self.population();
        let now = population.now();
        let consents = self.inner.consents.lock().unwrap_or_else(PoisonError::into_inner);
        let consent = consents
            .get(consent_id)
            .filter(|c| c.service_id == service_id && c.withdrawn_at.is_none())
            .filter(|c| c.given_at <= now && now <= c.term.valid_until)
            .filter(|c| population.holder(AuthorityKind::DigitalSignature, serial) == Some(c.holder))
            .ok_or(Refusal::NoConsent)?;
        let latest = population.latest_attributes(serial).ok_or(Refusal::NoneNewer)?;
        self.inner.fees_yen.fetch_add(FEE_YEN.into(), Ordering::SeqCst);
        Ok((Provided::of(latest.attributes, |item| consent.items.contains(&item)), latest.serial))
    }
}
