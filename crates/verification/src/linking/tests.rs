//! Marking what a list names, on both engines.

use musubi_kernel::{SeededRandom, UnixTime};
use musubi_pki::{AuthorityKind, CertKey, RevocationReason, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_platform::relying_party::RelyingPartyId;
use musubi_store::Db;

use super::{Link, Revocation, Saved, mark_revoked, remember, save_link};

async fn databases(dir: &std::path::Path) -> Vec<Db> {
    let mut all = vec![Db::open_sqlite(&dir.join("t.sqlite")).await.unwrap()];
    all.extend(musubi_store::testing::postgres_schema().await);
    for db in &all {
        let mut migrations = musubi_platform::MIGRATIONS.to_vec();
        migrations.extend(crate::migrations());
        db.migrate(&migrations, UnixTime(0)).await.unwrap();
    }
    all
}

#[tokio::test]
async fn a_certificate_is_marked_once_and_everyone_who_watches_its_holder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let random = SeededRandom::new([1; 32]);
    for db in databases(dir.path()).await {
        let [bank, shop]: [RelyingPartyId; 2] =
            ["a", "b"].map(|d| format!("rp_{}", d.repeat(32)).parse().unwrap());
        let key = |serial: u64| CertKey {
            authority: AuthorityKind::DigitalSignature,
            serial: SerialNumber::from(u32::try_from(serial).unwrap()),
        };
        let mut tx = db.begin().await.unwrap();
        for serial in 1..=3 {
            let person = PersonId::generate(&random);
            remember(&mut tx, &key(serial), &person, UnixTime(1)).await.unwrap();
            for relying_party in [&bank, &shop].into_iter().take(usize::try_from(serial).unwrap().min(2)) {
                let link = Link {
                    relying_party: relying_party.clone(),
                    person: person.clone(),
                    customer_id: format!("c-{serial}"),
                    attributes_serial: key(serial).serial,
                };
                assert_eq!(save_link(&mut tx, &link, UnixTime(1)).await.unwrap(), Saved::New);
                assert_eq!(save_link(&mut tx, &link, UnixTime(2)).await.unwrap(), Saved::Before);
            }
        }
        let named: Vec<Revocation> = [2, 1, 9]
            .map(|serial| Revocation {
                key: key(serial),
                at: UnixTime(50),
                reason: RevocationReason::Superseded,
            })
            .into();
        let concerned = mark_revoked(&mut tx, &named, UnixTime(60)).await.unwrap();
        let seen: Vec<_> = concerned
            .iter()
            .map(|c| (c.relying_party.clone(), c.customer_id.as_str(), c.purpose.as_str(), c.consented))
            .collect();
        let purpose = "contract_maintenance";
        assert_eq!(
            seen,
            [
                (bank.clone(), "c-1", purpose, false),
                (bank.clone(), "c-2", purpose, false),
                (shop.clone(), "c-2", purpose, false)
            ],
            "{}",
            db.engine()
        );
        assert!(mark_revoked(&mut tx, &named, UnixTime(61)).await.unwrap().is_empty());
        tx.commit().await.unwrap();
    }
}
