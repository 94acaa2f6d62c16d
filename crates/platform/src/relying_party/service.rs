//! The rules of registration.

use musubi_kernel::{Random, UnixTime};
use musubi_store::{StoreError, Tx};
use serde_json::json;

use super::{NewRelyingParty, RegisterError, RelyingParty, RelyingPartyId, sql};
use crate::audit::{self, AuditEvent};

/// Registers a new relying party and writes its audit event.
///
/// # Errors
/// [`RegisterError`].
pub async fn register(
    tx: &mut Tx,
    new: &NewRelyingParty,
    random: &dyn Random,
    at: UnixTime,
) -> Result<RelyingPartyId, RegisterError> {
    let id = RelyingPartyId::generate(random);
    register_as(tx, &id, new, random, at).await?;
    Ok(id)
}

/// Registers a relying party under `id`, or brings its registration up to `new`. If that is what is there, nothing
/// happens and nothing is audited.
///
/// # Errors
/// [`RegisterError`].
pub async fn register_as(
    tx: &mut Tx,
    id: &RelyingPartyId,
    new: &NewRelyingParty,
    random: &dyn Random,
    at: UnixTime,
) -> Result<(), RegisterError> {
    for name in [&new.name_ja, &new.name_en] {
        if !(1..=100).contains(&name.chars().count())
            || name.trim() != name
            || name.chars().any(musubi_kernel::deceives)
        {
            return Err(RegisterError::Name);
        }
    }
    if !(1..=16).contains(&new.origins.len()) || !new.origins.iter().all(|origin| check_origin(origin)) {
        return Err(RegisterError::Origin);
    }
    let key_set = serde_json::to_string(&new.key_set).map_err(|_| StoreError::Corrupt("key_set"))?;
    let change = match sql::stored(tx, id).await? {
        None => {
            sql::insert(tx, id, new, &key_set, at).await?;
            "registered"
        }
        Some(stored) if stored == sql::Stored::of(new, &key_set) => return Ok(()),
        Some(_) => {
            sql::update(tx, id, new, &key_set).await?;
            "updated"
        }
    };
    let event = AuditEvent {
        kind: audit::RELYING_PARTY_REGISTERED,
        relying_party: Some(id.clone()),
        person: None,
        detail: json!({ "change": change, "origins": new.origins }),
    };
    audit::append(tx, &event, random, at).await?;
    Ok(())
}

/// The relying party `id`.
///
/// # Errors
/// [`StoreError`].
pub async fn by_id(tx: &mut Tx, id: &RelyingPartyId) -> Result<Option<RelyingParty>, StoreError> {
    sql::by_id(tx, id).await
}

/// Every relying party, in the order of registration.
///
/// # Errors
/// [`StoreError`].
pub async fn list(tx: &mut Tx) -> Result<Vec<RelyingParty>, StoreError> {
    sql::list(tx).await
}

/// Whether `origin` is a web origin as a browser writes it (RFC 6454, 6.2) and may be registered: `https` with any
/// host, `http` only with `localhost` or a name below it. No path, no default port, no capital letters: origins are
/// compared byte for byte.
#[must_use]
pub fn check_origin(origin: &str) -> bool {
    let (authority, default_port, local_only) = match origin.split_once("://") {
        Some(("https", authority)) => (authority, 443, false),
        Some(("http", authority)) => (authority, 80, true),
        _ => return false,
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let port_ok = port.is_none_or(|text| {
        !text.starts_with('0')
            && text.bytes().all(|b| b.is_ascii_digit())
            && text.parse::<u16>().is_ok_and(|port| port != default_port)
    });
    let label_ok = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let local = host == "localhost" || host.ends_with(".localhost");
    port_ok && host.len() <= 253 && host.split('.').all(label_ok) && (local || !local_only)
}
