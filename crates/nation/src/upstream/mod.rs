//! What J-LIS provides to a certified operator: revocation lists, OCSP, correspondence of serial numbers,
//! their succession, and the latest attributes with the resident's consent. `docs/spec/upstream.md` has the
//! wire format, which is our own design: the real one is not public (facts §9).
//!
//! Consent (facts §3.3): signed with the signing certificate, per service, for ten years from 00:00 JST of the
//! next day. **Our own choice**: provision is allowed from the moment of consent, so that a demonstration
//! need not wait for midnight; `valid_from` and `valid_until` are recorded as the rule has them. Withdrawal
//! is final. Attributes are provided only if a newer signing certificate is good; each provision costs 20 yen.

pub(crate) mod http;
pub(crate) mod provider;
pub(crate) mod sql;

use musubi_crypto::{sha256, sha256_parts};
use musubi_kernel::{TimeError, UnixTime};
use musubi_pki::{AuthorityKind, BasicAttributes, SerialNumber};
use musubi_store::{StoreError, Tx};

use self::sql::ConsentRow;
use crate::authority::certified_attributes;
use crate::keys::derive_apart;
use crate::profile::anniversary;
use crate::sql as register;

/// Fee of one provision of latest attributes (facts §3.3).
pub(crate) const FEE_YEN: u32 = 20;
const CONSENT_YEARS: i32 = 10;

/// Why an upstream request is not answered as asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// 400: not the JSON that is expected.
    #[error("malformed request")]
    Malformed,
    /// 401: the bearer credential is missing or wrong.
    #[error("the operator's credential is missing or wrong")]
    Credential,
    /// 404: no such route, list, authority or consent to withdraw.
    #[error("nothing is here")]
    NotFound,
    /// 413: over 64 KiB.
    #[error("the request is too large")]
    TooLarge,
    /// 415: not `application/json` or `application/ocsp-request`.
    #[error("unsupported media type")]
    MediaType,
    /// 404: the certificate is not known, or has no counterpart.
    #[error("no counterpart")]
    NoCorrespondence,
    /// 404: the authority did not issue this serial number.
    #[error("unknown certificate")]
    UnknownCertificate,
    /// 422: not a good certificate of this authority, or the signature does not verify over the document.
    #[error("the consent is not signed as it must be")]
    ConsentSignature,
    /// 409: the identifier names another consent.
    #[error("the identifier is used for another consent")]
    ConsentConflict,
    /// 403: no consent, withdrawn, run out, or not by the holder of this certificate to this service.
    #[error("no consent")]
    NoConsent,
    /// 404: no newer signing certificate that is good.
    #[error("nothing newer")]
    NoneNewer,
    /// 500.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// 500.
    #[error(transparent)]
    Sign(#[from] musubi_crypto::SignError),
    /// 500.
    #[error(transparent)]
    Time(#[from] TimeError),
}

/// What a consent can cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Item {
    Name,
    Address,
    DateOfBirth,
    Sex,
}

impl Item {
    pub(crate) const ALL: [Self; 4] = [Self::Name, Self::Address, Self::DateOfBirth, Self::Sex];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::DateOfBirth => "date_of_birth",
            Self::Sex => "sex",
        }
    }
}

/// A consent that is handed in.
pub(crate) struct Consent {
    consent_id: String,
    service_id: String,
    document: String,
    signature: Vec<u8>,
    certificate: Vec<u8>,
    items: Vec<Item>,
}

/// The term of a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentTerm {
    /// 00:00 JST of the day after consent.
    pub valid_from: UnixTime,
    /// 23:59:59 JST, ten years on.
    pub valid_until: UnixTime,
}

/// The attributes that a consent covers, as the newest signing certificate states them.
#[derive(Debug, Default, serde::Serialize)]
pub(crate) struct Provided {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) date_of_birth: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sex: Option<&'static str>,
}

impl Provided {
    /// What is consented of these attributes.
    pub(crate) fn of(attributes: BasicAttributes, consented: impl Fn(Item) -> bool) -> Self {
        Self {
            name: consented(Item::Name).then_some(attributes.name),
            address: consented(Item::Address).then_some(attributes.address),
            date_of_birth: consented(Item::DateOfBirth).then(|| attributes.date_of_birth.to_string()),
            sex: consented(Item::Sex).then(|| attributes.sex.as_str()),
        }
    }
}

/// A serial number that this nation could have given. It gives none of more than four bytes.
pub(crate) fn small(serial: &SerialNumber) -> Option<u32> {
    let bytes = serial.as_be_bytes();
    (bytes.len() <= 4).then(|| bytes.iter().fold(0, |n, byte| (n << 8) | u32::from(*byte)))
}

/// 対応証明書の発行の番号: the serial number of the certificate of the other authority that goes with this one.
async fn correspondence(
    tx: &mut Tx,
    authority: AuthorityKind,
    serial: &SerialNumber,
) -> Result<u32, Refusal> {
    let serial = small(serial).ok_or(Refusal::NoCorrespondence)?;
    let row = register::certificate(tx, authority, serial).await?.ok_or(Refusal::NoCorrespondence)?;
    row.counterpart.ok_or(Refusal::NoCorrespondence)
}

/// 新旧紐付け of one certificate.
pub(crate) struct Followed {
    /// The serial numbers before it, newest first.
    pub(crate) predecessors: Vec<u32>,
    /// The resident's newest one.
    pub(crate) current: u32,
    /// When the one that followed it was issued.
    pub(crate) next_issued_at: Option<UnixTime>,
}

async fn succession(
    tx: &mut Tx,
    authority: AuthorityKind,
    serial: &SerialNumber,
) -> Result<Followed, Refusal> {
    let serial = small(serial).ok_or(Refusal::UnknownCertificate)?;
    let row = register::certificate(tx, authority, serial).await?.ok_or(Refusal::UnknownCertificate)?;
    // Newest first.
    let all = register::certificates_of(tx, &row.resident_id, authority).await?;
    Ok(Followed {
        predecessors: all.iter().map(|row| row.serial).filter(|other| *other < serial).collect(),
        current: all.first().map_or(serial, |row| row.serial),
        next_issued_at: all.iter().rfind(|row| row.serial > serial).map(|row| row.not_before),
    })
}

/// The term of a consent that is given now.
pub(crate) fn consent_term(now: UnixTime) -> Result<ConsentTerm, TimeError> {
    let today = now.date_in_japan();
    let last = anniversary(today.year() + CONSENT_YEARS, today.month(), today.day())?;
    Ok(ConsentTerm { valid_from: today.plus_days(1).starts_in_japan(), valid_until: last.ends_in_japan() })
}

/// Records a consent. The same consent again gets the same answer; it does not come back to life after
/// withdrawal.
async fn give_consent(
    tx: &mut Tx,
    seed: u64,
    consent: Consent,
    now: UnixTime,
) -> Result<ConsentRow, Refusal> {
    let items: Vec<Item> = Item::ALL.into_iter().filter(|item| consent.items.contains(item)).collect();
    if items.is_empty() || items.len() != consent.items.len() {
        return Err(Refusal::Malformed);
    }
    let items: Vec<&str> = items.into_iter().map(Item::as_str).collect();
    let items = items.join(" ");
    let digests = [consent.document.as_bytes(), &consent.signature, &consent.certificate].map(sha256);
    // The service identifier is last: the parts before it have fixed lengths or an alphabet of their own.
    let request_digest =
        sha256_parts(&[digests.as_flattened(), items.as_bytes(), b"\0", consent.service_id.as_bytes()]);
    if let Some(known) = sql::consent(tx, &consent.consent_id).await? {
        return if known.request_digest == request_digest {
            Ok(known)
        } else {
            Err(Refusal::ConsentConflict)
        };
    }
    let certificate = register::certificate_with(tx, sha256(&consent.certificate)).await?;
    let certificate = certificate
        .filter(|row| row.authority == AuthorityKind::DigitalSignature && row.is_good(now))
        .ok_or(Refusal::ConsentSignature)?;
    let key = derive_apart(seed, &certificate.key_label).await?;
    key.verify(consent.document.as_bytes(), &consent.signature).map_err(|_| Refusal::ConsentSignature)?;
    let ConsentTerm { valid_from, valid_until } = consent_term(now)?;
    let row = ConsentRow {
        consent_id: consent.consent_id,
        service_id: consent.service_id,
        request_digest: request_digest.to_vec(),
        resident_id: certificate.resident_id,
        serial: certificate.serial,
        items,
        given_at: now,
        valid_from,
        valid_until,
        withdrawn_at: None,
    };
    sql::insert_consent(tx, &row).await?;
    Ok(row)
}

/// Withdraws a consent, for good. Again changes nothing.
async fn withdraw_consent(tx: &mut Tx, consent_id: &str, now: UnixTime) -> Result<(), Refusal> {
    sql::consent(tx, consent_id).await?.ok_or(Refusal::NotFound)?;
    Ok(sql::withdraw_consent(tx, consent_id, now).await?)
}

/// 最新の4情報提供: the consented attributes and the new serial number, for the holder of `serial`.
async fn latest_attributes(
    tx: &mut Tx,
    consent_id: &str,
    service_id: &str,
    serial: &SerialNumber,
    now: UnixTime,
) -> Result<(Provided, u32), Refusal> {
    let consent = sql::consent(tx, consent_id)
        .await?
        .filter(|c| c.service_id == service_id && c.withdrawn_at.is_none())
        .filter(|c| c.given_at <= now && now <= c.valid_until)
        .ok_or(Refusal::NoConsent)?;
    let kind = AuthorityKind::DigitalSignature;
    let serial = small(serial).ok_or(Refusal::NoConsent)?;
    let own = register::certificates_of(tx, &consent.resident_id, kind).await?;
    if !own.iter().any(|row| row.serial == serial) {
        return Err(Refusal::NoConsent);
    }
    let newest = own.into_iter().next().filter(|row| row.serial > serial && row.is_good(now));
    let newest = newest.ok_or(Refusal::NoneNewer)?;
    // While the newest signing certificate is good it says what the register says: a change ends it.
    let resident =
        register::resident(tx, &consent.resident_id).await?.ok_or(StoreError::Corrupt("resident_id"))?;
    let consented = |item: Item| consent.items.split(' ').any(|name| name == item.as_str());
    let provided = Provided::of(certified_attributes(&resident), consented);
    sql::insert_provision(tx, consent_id, now, newest.serial, FEE_YEN).await?;
    Ok((provided, newest.serial))
}
