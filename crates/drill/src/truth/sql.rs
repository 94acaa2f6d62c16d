//! The drill's only SQL: rows as linking and watching write them.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, SerialNumber};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Target, Tx};

const CERTIFICATES: Target = Target {
    table: "certificate",
    columns: &["authority", "serial", "person_id", "not_after", "first_seen_at"],
};
const LINKS: Target = Target {
    table: "link",
    columns: &[
        "relying_party_id",
        "person_id",
        "customer_id",
        "attributes_serial",
        "created_at",
        "purpose",
        "basis",
        "watched_since",
    ],
};

/// A holder's certificate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Certificate {
    pub(super) authority: AuthorityKind,
    pub(super) serial: u32,
    pub(super) holder: u32,
    pub(super) not_after: UnixTime,
}

fn person(holder: u32) -> String {
    format!("pe_{holder:032x}")
}

pub(super) async fn insert_certificates(
    tx: &mut Tx,
    certificates: &[Certificate],
    at: UnixTime,
) -> Result<(), StoreError> {
    let rows = certificates.iter().map(|one| {
        vec![
            one.authority.as_str().into(),
            SerialNumber::from(one.serial).to_string().into(),
            person(one.holder).into(),
            one.not_after.into(),
            at.into(),
        ]
    });
    tx.insert_many(CERTIFICATES, rows.collect::<Vec<_>>()).await.map(drop)
}

pub(super) async fn insert_links(
    tx: &mut Tx,
    links: &[(u32, RelyingPartyId, &'static str)],
    at: UnixTime,
) -> Result<(), StoreError> {
    let rows = links.iter().map(|(holder, relying_party, purpose)| {
        vec![
            relying_party.as_str().into(),
            person(*holder).into(),
            format!("c-{holder}").into(),
            "00".into(),
            at.into(),
            (*purpose).into(),
            "contract".into(),
            at.into(),
        ]
    });
    tx.insert_many(LINKS, rows.collect::<Vec<_>>()).await.map(drop)
}
