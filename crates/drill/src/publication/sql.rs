//! The drill's only SQL: rows as linking and watching write them.

use musubi_kernel::UnixTime;
use musubi_pki::{AuthorityKind, SerialNumber};
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::{StoreError, Target, Tx, Value};

use super::fill::Customer;

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

/// Five years, in seconds.
const VALIDITY: i64 = 5 * 365 * 86_400;

fn person(customer: &Customer) -> String {
    // In the order of their numbers, so that the indexes grow at their end.
    format!("pe_{:032x}", customer.number)
}

pub(super) async fn insert(
    tx: &mut Tx,
    customers: &[Customer],
    relying_parties: &[RelyingPartyId],
    at: UnixTime,
) -> Result<(), StoreError> {
    for kind in AuthorityKind::ALL {
        let row = |customer: &Customer| -> Vec<Value> {
            let serial = match kind {
                AuthorityKind::DigitalSignature => customer.signature,
                AuthorityKind::UserAuthentication => customer.authentication,
            };
            vec![
                kind.as_str().into(),
                SerialNumber::from(serial).to_string().into(),
                person(customer).into(),
                at.plus(VALIDITY).into(),
                at.into(),
            ]
        };
        tx.insert_many(CERTIFICATES, customers.iter().map(row).collect::<Vec<_>>()).await?;
    }
    let mut links = Vec::with_capacity(customers.len());
    for customer in customers {
        let relying_party =
            relying_parties.get(customer.relying_party).ok_or(StoreError::Corrupt("relying_party"))?;
        links.push(vec![
            relying_party.as_str().into(),
            person(customer).into(),
            format!("c-{}", customer.number).into(),
            SerialNumber::from(customer.signature).to_string().into(),
            at.into(),
            "contract_maintenance".into(),
            "contract".into(),
            at.into(),
        ]);
    }
    tx.insert_many(LINKS, links).await.map(drop)
}
