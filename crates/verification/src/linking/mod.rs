//! Linking (紐付け): which certificates belong to one person, and which customer of a relying party that is.
//!
//! A person is an opaque identifier of this platform, never shown. Certificates join a person through
//! correspondence (署名用 ⇔ 利用者証明用) and succession (新旧), both told by upstream; so a relying party's
//! customer id and pairwise id survive renewals and moves. A relying party sees neither serials nor persons.

mod sql;

use musubi_kernel::{Random, UnixTime};
use musubi_pki::{AuthorityKind, CertKey, RevocationReason, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{Migration, StoreError, Tx};

use crate::upstream::{Upstream, UpstreamError};

/// The feature's schema.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "linking/0001_linking", sql: include_str!("migrations/0001_linking.sql") },
    Migration { name: "linking/0002_watching", sql: include_str!("migrations/0002_watching.sql") },
    Migration { name: "linking/0003_ground", sql: include_str!("migrations/0003_ground.sql") },
];

/// How many predecessors of a certificate are followed. A person renews a handful of times in a life.
const MAX_PREDECESSORS: usize = 64;

/// A certificate that this platform has seen or was told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownCertificate {
    /// Authority and serial number.
    pub key: CertKey,
    /// Whose it is.
    pub person: PersonId,
    /// End of validity, if the certificate itself was seen.
    pub not_after: Option<UnixTime>,
    /// When and why it was revoked, as far as taken-in lists tell.
    pub revoked: Option<(UnixTime, RevocationReason)>,
}

/// A person as the customer of one relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The relying party.
    pub relying_party: RelyingPartyId,
    /// The person.
    pub person: PersonId,
    /// The relying party's own number for the person.
    pub customer_id: String,
    /// Signing certificate under which the relying party last learned the attributes.
    pub attributes_serial: SerialNumber,
}

/// What upstream says about a certificate's relatives, fetched outside any transaction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relatives {
    counterpart: Option<CertKey>,
    predecessors: Vec<CertKey>,
}

impl Relatives {
    /// The corresponding certificate of the other kind.
    #[must_use]
    pub fn counterpart(&self) -> Option<&CertKey> {
        self.counterpart.as_ref()
    }
}

/// Asks upstream for the counterpart and the predecessors of `key`.
///
/// # Errors
/// [`UpstreamError`]; nothing is guessed from half an answer.
pub async fn relatives(upstream: &dyn Upstream, key: &CertKey) -> Result<Relatives, UpstreamError> {
    let counterpart = upstream
        .counterpart(key)
        .await?
        .map(|serial| CertKey { authority: key.authority.counterpart(), serial });
    let mut predecessors = Vec::new();
    for of in [Some(key), counterpart.as_ref()].into_iter().flatten() {
        if let Some(succession) = upstream.succession(of).await? {
            let older = succession.predecessors.into_iter().take(MAX_PREDECESSORS);
            predecessors.extend(older.map(|serial| CertKey { authority: of.authority, serial }));
        }
    }
    Ok(Relatives { counterpart, predecessors })
}

/// The person of a certificate, if it is known here.
///
/// # Errors
/// [`StoreError`].
pub async fn person_of(tx: &mut Tx, key: &CertKey) -> Result<Option<PersonId>, StoreError> {
    sql::person_of(tx, key).await
}

/// The person of a certificate: known by it or by a relative.
///
/// # Errors
/// [`StoreError`].
pub async fn known_person(
    tx: &mut Tx,
    key: &CertKey,
    relatives: &Relatives,
) -> Result<Option<PersonId>, StoreError> {
    let relatives = relatives.counterpart.iter().chain(&relatives.predecessors);
    for candidate in std::iter::once(key).chain(relatives) {
        if let Some(person) = sql::person_of(tx, candidate).await? {
            return Ok(Some(person));
        }
    }
    Ok(None)
}

/// The person of a certificate: known by it or by a relative, else a new one. Remembers the certificate and
/// its counterpart.
///
/// # Errors
/// [`StoreError`].
pub async fn settle_person(
    tx: &mut Tx,
    key: &CertKey,
    not_after: UnixTime,
    relatives: &Relatives,
    random: &dyn Random,
    at: UnixTime,
) -> Result<PersonId, StoreError> {
    let person = known_person(tx, key, relatives).await?;
    let new = person.is_none();
    let mut person = person.unwrap_or_else(|| PersonId::generate(random));
    // Always in the order of the authorities: two requests with one card wait for one another, never crosswise.
    let mut certificates = vec![(key, Some(not_after))];
    certificates.extend(relatives.counterpart.as_ref().map(|counterpart| (counterpart, None)));
    certificates.sort_by_key(|(key, _)| key.authority);
    for (certificate, not_after) in certificates {
        let owner = sql::remember_certificate(tx, certificate, &person, not_after, at).await?;
        if not_after.is_none() {
            sql::check_later(tx, certificate).await?;
        }
        // Of several requests that meet a new card at once, the first one named the person.
        if new {
            person = owner;
        }
    }
    Ok(person)
}

/// Remembers a certificate that upstream named as the person's.
///
/// # Errors
/// [`StoreError`].
pub async fn remember(tx: &mut Tx, key: &CertKey, person: &PersonId, at: UnixTime) -> Result<(), StoreError> {
    sql::remember_certificate(tx, key, person, None, at).await?;
    sql::check_later(tx, key).await
}

/// What became of a certificate that upstream named as a person's next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateFollowed {
    /// It was not known and is the person's now.
    New,
    /// It is known as the person's.
    Known,
    /// It is known as somebody else's, and stays so.
    SomebodyElses,
}

/// Remembers a certificate that upstream named as the next one of the person, unless it is known.
///
/// # Errors
/// [`StoreError`].
pub async fn follow_to(
    tx: &mut Tx,
    key: &CertKey,
    person: &PersonId,
    at: UnixTime,
) -> Result<CertificateFollowed, StoreError> {
    if let Some(owner) = sql::person_of(tx, key).await? {
        let own = owner == *person;
        return Ok(if own { CertificateFollowed::Known } else { CertificateFollowed::SomebodyElses });
    }
    let owner = sql::remember_certificate(tx, key, person, None, at).await?;
    sql::check_later(tx, key).await?;
    Ok(if owner == *person { CertificateFollowed::New } else { CertificateFollowed::SomebodyElses })
}

/// All certificates of a person, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn certificates_of(tx: &mut Tx, person: &PersonId) -> Result<Vec<KnownCertificate>, StoreError> {
    sql::certificates_of(tx, person).await
}

/// A certificate that a list names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub key: CertKey,
    /// `revocationDate`.
    pub at: UnixTime,
    /// `reasonCode`.
    pub reason: RevocationReason,
}

/// A customer who is watched, and whose certificate has just been marked as revoked.
#[derive(Debug, Clone)]
pub struct Concerned {
    /// The certificate's revocation.
    pub revocation: Revocation,
    /// Whose it is.
    pub person: PersonId,
    /// Whose customer.
    pub relying_party: RelyingPartyId,
    /// The relying party's own number for the person.
    pub customer_id: String,
    /// For what the customer is watched: the name of a purpose.
    pub purpose: String,
    /// Whether a consent to the latest attributes stands.
    pub consented: bool,
}

/// Marks known certificates as revoked, those that are not yet; answers who watches their holders.
///
/// # Errors
/// [`StoreError`].
pub async fn mark_revoked(
    tx: &mut Tx,
    revocations: &[Revocation],
    at: UnixTime,
) -> Result<Vec<Concerned>, StoreError> {
    sql::mark_revoked(tx, revocations, at).await
}

/// Whether a link that was saved is a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a new customer is watched, and counts"]
pub enum Saved {
    /// It is, and the customer is watched from now on.
    New,
    /// The person was linked before; being watched or not is as it was.
    Before,
}

/// Links a person to a relying party's customer id. A person has one customer id at one relying party: a
/// later proofing replaces it. Who calls this counts a new customer: `watching::save_proofed_link` does both.
///
/// # Errors
/// [`StoreError::Constraint`] if the customer id belongs to another person.
pub async fn save_link(tx: &mut Tx, link: &Link, at: UnixTime) -> Result<Saved, StoreError> {
    if sql::insert_link(tx, link, at).await? {
        return Ok(Saved::New);
    }
    sql::update_link(tx, link).await?;
    Ok(Saved::Before)
}

/// The link of a customer id.
///
/// # Errors
/// [`StoreError`].
pub async fn link_of_customer(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    customer_id: &str,
) -> Result<Option<Link>, StoreError> {
    sql::link_of_customer(tx, relying_party, customer_id).await
}

/// The link of a person at one relying party.
///
/// # Errors
/// [`StoreError`].
pub async fn link_of_person(
    tx: &mut Tx,
    relying_party: &RelyingPartyId,
    person: &PersonId,
) -> Result<Option<Link>, StoreError> {
    sql::link_of_person(tx, relying_party, person).await
}

/// All links of a person, for the portal.
///
/// # Errors
/// [`StoreError`].
pub async fn links_of_person(tx: &mut Tx, person: &PersonId) -> Result<Vec<Link>, StoreError> {
    sql::links_of_person(tx, person).await
}

/// Notes under which certificate the relying party has now learned the attributes.
///
/// # Errors
/// [`StoreError`].
pub async fn set_attributes_serial(
    tx: &mut Tx,
    link: &Link,
    serial: &SerialNumber,
) -> Result<(), StoreError> {
    sql::set_attributes_serial(tx, link, serial).await
}

/// The smallest and the largest serial number of this authority, of whatever generation, that were seen by then.
pub(crate) async fn serials_seen(
    tx: &mut Tx,
    authority: AuthorityKind,
    until: UnixTime,
) -> Result<Option<[SerialNumber; 2]>, StoreError> {
    sql::serials_seen(tx, authority, until).await
}

#[cfg(test)]
mod tests;
