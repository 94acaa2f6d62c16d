//! Through the rules, on both databases.

use musubi_crypto::{ClientKey, JwkSet};
use musubi_kernel::{Random, SeededRandom, UnixTime};
use musubi_pki::{RevocationMode, ValidationPolicy};
use musubi_platform::relying_party::{self, NewRelyingParty, RelyingPartyId};
use musubi_store::{Db, Tx};

use super::{AppliedPolicy, Change, PolicyError, add, applied, assign, list};

const NOW: UnixTime = UnixTime(1_790_000_000);

fn policy(version: u32) -> ValidationPolicy {
    ValidationPolicy {
        id: "bank.strict".to_owned(),
        version,
        max_revocation_age: Some(3_600),
        ..ValidationPolicy::default()
    }
}

async fn databases() -> Vec<(Db, tempfile::TempDir)> {
    let mut out = Vec::new();
    let dir = tempfile::tempdir().unwrap();
    out.push((Db::open_sqlite(&dir.path().join("t.sqlite")).await.unwrap(), dir));
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        out.push((db, tempfile::tempdir().unwrap()));
    }
    for (db, _) in &out {
        let migrations = [musubi_platform::MIGRATIONS, &crate::migrations()].concat();
        db.migrate(&migrations, NOW).await.unwrap();
    }
    out
}

async fn bank(tx: &mut Tx, random: &dyn Random) -> RelyingPartyId {
    let new = NewRelyingParty {
        name_ja: "銀行".to_owned(),
        name_en: "Bank".to_owned(),
        origins: vec!["https://bank.example".to_owned()],
        key_set: JwkSet::parse(&ClientKey::generate().unwrap().jwk_set()).unwrap(),
    };
    relying_party::register(tx, &new, random, NOW).await.unwrap()
}

#[tokio::test]
async fn a_relying_party_is_judged_under_its_own_policy_and_otherwise_under_the_platforms() {
    for (db, _dir) in databases().await {
        let random = SeededRandom::new([7; 32]);
        let otherwise = AppliedPolicy::of(&ValidationPolicy::default());
        let mut tx = db.begin().await.unwrap();
        let bank = bank(&mut tx, &random).await;
        assert_eq!(applied(&mut tx, &bank, &otherwise).await.unwrap(), otherwise);

        assert_eq!(add(&mut tx, &policy(1), &random, NOW).await.unwrap(), Change::Made);
        let assigned = assign(&mut tx, &bank, "bank.strict", 1, &random, NOW).await.unwrap();
        assert_eq!(assigned, Change::Made);
        let own = applied(&mut tx, &bank, &otherwise).await.unwrap();
        assert_eq!((own.id.as_str(), own.version, own.rules.max_list_age), ("bank.strict", 1, Some(3_600)));
        assert_eq!(own.sha256, policy(1).sha256());

        let again = assign(&mut tx, &bank, "bank.strict", 1, &random, NOW).await.unwrap();
        assert_eq!(again, Change::None);
    }
}

#[tokio::test]
async fn a_version_is_never_changed_and_the_next_one_follows_it() {
    for (db, _dir) in databases().await {
        let random = SeededRandom::new([8; 32]);
        let mut tx = db.begin().await.unwrap();
        let early = add(&mut tx, &policy(2), &random, NOW).await;
        assert!(matches!(early, Err(PolicyError::Version { expected: 1 })));
        add(&mut tx, &policy(1), &random, NOW).await.unwrap();
        assert_eq!(add(&mut tx, &policy(1), &random, NOW).await.unwrap(), Change::None);
        let changed = ValidationPolicy { min_rsa_bits: 3072, ..policy(1) };
        let refused = add(&mut tx, &changed, &random, NOW).await;
        assert!(matches!(refused, Err(PolicyError::Version { expected: 2 })));
        add(&mut tx, &policy(2), &random, NOW).await.unwrap();
        let versions: Vec<u32> = list(&mut tx).await.unwrap().iter().map(|p| p.policy.version).collect();
        assert_eq!(versions, [1, 2]);
    }
}

#[tokio::test]
async fn no_policy_asks_less_than_the_platform_does() {
    for (db, _dir) in databases().await {
        let random = SeededRandom::new([9; 32]);
        let mut tx = db.begin().await.unwrap();
        let weak = [
            ValidationPolicy { min_rsa_bits: 1024, ..policy(1) },
            ValidationPolicy { sha1_until: Some(NOW), ..policy(1) },
            ValidationPolicy { revocation: RevocationMode::IfPresent, ..policy(1) },
            ValidationPolicy { revocation: RevocationMode::Off, ..policy(1) },
            ValidationPolicy { max_revocation_age: Some(0), ..policy(1) },
            ValidationPolicy { insecure_bare_digest: true, ..policy(1) },
        ];
        for policy in weak {
            let refused = add(&mut tx, &policy, &random, NOW).await;
            assert!(matches!(refused, Err(PolicyError::TooWeak { .. })), "{policy:?}");
        }
        for id in ["", "Bank", "bank strict", "銀行", &"a".repeat(65)] {
            let named = ValidationPolicy { id: id.to_owned(), ..policy(1) };
            assert!(matches!(add(&mut tx, &named, &random, NOW).await, Err(PolicyError::Id)), "{id}");
        }
        assert!(list(&mut tx).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_policy_asks_for_more_than_the_platform_and_never_for_less() {
    for (db, _dir) in databases().await {
        let random = SeededRandom::new([11; 32]);
        let platforms = |max_revocation_age| {
            AppliedPolicy::of(&ValidationPolicy { max_revocation_age, ..ValidationPolicy::default() })
        };
        let mut tx = db.begin().await.unwrap();
        let bank = bank(&mut tx, &random).await;
        let lenient = ValidationPolicy { max_revocation_age: None, ..policy(1) };
        for (policy, age) in [(lenient, Some(600)), (policy(2), Some(600))] {
            add(&mut tx, &policy, &random, NOW).await.unwrap();
            assign(&mut tx, &bank, "bank.strict", policy.version, &random, NOW).await.unwrap();
            let own = applied(&mut tx, &bank, &platforms(age)).await.unwrap();
            assert_eq!((own.version, own.rules.max_list_age), (policy.version, Some(600)));
        }
        let own = applied(&mut tx, &bank, &platforms(Some(7_200))).await.unwrap();
        assert_eq!(own.rules.max_list_age, Some(3_600));
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_assigned() {
    for (db, _dir) in databases().await {
        let random = SeededRandom::new([10; 32]);
        let mut tx = db.begin().await.unwrap();
        let bank = bank(&mut tx, &random).await;
        let unknown = assign(&mut tx, &bank, "bank.strict", 1, &random, NOW).await;
        assert!(matches!(unknown, Err(PolicyError::Unknown)));
        add(&mut tx, &policy(1), &random, NOW).await.unwrap();
        let stranger = RelyingPartyId::generate(&random);
        let refused = assign(&mut tx, &stranger, "bank.strict", 1, &random, NOW).await;
        assert!(matches!(refused, Err(PolicyError::UnknownRelyingParty)));
    }
}
