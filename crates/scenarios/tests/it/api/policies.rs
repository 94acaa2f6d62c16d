//! Validation policies: each relying party's verdicts are made under its own, and name it.

use musubi_kernel::{SeededRandom, UnixTime};
use musubi_pki::ValidationPolicy;
use musubi_verification::validation_policy::{add, assign};

use super::fixture::{Fixture, fixtures};
use super::flows::PASSED;

const MISAKI: &str = "aoki-misaki";

async fn bank_wants_lists_of_the_last_minute(fx: &Fixture, at: UnixTime) {
    let policy = ValidationPolicy {
        id: "bank.strict".to_owned(),
        max_revocation_age: Some(60),
        ..ValidationPolicy::default()
    };
    let random = SeededRandom::new([5; 32]);
    let mut tx = fx.platform.context().db.begin().await.unwrap();
    add(&mut tx, &policy, &random, at).await.unwrap();
    assign(&mut tx, &fx.bank.id, "bank.strict", 1, &random, at).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn the_same_list_is_fresh_for_one_relying_party_and_too_old_for_another() {
    for fx in fixtures().await {
        bank_wants_lists_of_the_last_minute(&fx, fx.now()).await;
        fx.take_in().await;
        fx.publication_stopped(true).await;
        fx.advance(120).await;
        fx.take_in().await;

        let at_the_clinic = fx.sign_in(&fx.clinic, MISAKI).await;
        assert_eq!(at_the_clinic.verdict(), PASSED, "{}", at_the_clinic.text);
        let at_the_bank = fx.sign_in(&fx.bank, MISAKI).await;
        let too_old = ["INDETERMINATE", "TRY_LATER", "revocation_list.too_old"];
        assert_eq!(at_the_bank.verdict(), too_old, "{}", at_the_bank.text);

        for (answer, named) in [(&at_the_clinic, "musubi.default/1"), (&at_the_bank, "bank.strict/1")] {
            let index = answer.body["audit"]["index"].as_u64().unwrap();
            let record = fx.audited().await.into_iter().find(|record| record.index == index).unwrap();
            assert_eq!(record.detail().unwrap()["policy"], named);
            fx.assert_replays(answer).await;
        }
    }
}
