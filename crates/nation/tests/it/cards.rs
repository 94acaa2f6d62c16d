//! The virtual card.

use musubi_kernel::Secret;
use musubi_nation::CardOperation::{Authenticate, ReadAttributes, Sign};
use musubi_nation::{CardAnswer, CardOperation, CardRefusal, DEMO_PASSWORD, DEMO_PIN, LifeError};

use crate::support::{AOKI, Nation, slug};

async fn tries_left(nation: &Nation, operation: CardOperation, pin: &str) -> Option<u8> {
    match nation.ask(AOKI, operation, pin).await {
        Err(CardRefusal::WrongPin { tries_left }) => Some(tries_left),
        Err(CardRefusal::Blocked) => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pin_has_three_tries_a_password_five_and_success_sets_them_back() {
    for nation in Nation::everywhere().await {
        assert_eq!(tries_left(&nation, Authenticate, "0000").await, Some(2));
        assert_eq!(tries_left(&nation, ReadAttributes, "1235").await, Some(1));
        assert!(nation.ask(AOKI, Authenticate, DEMO_PIN).await.is_ok());
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 3);
        for left in (0..5).rev() {
            assert_eq!(tries_left(&nation, Sign, "musubi1").await, Some(left));
        }
        assert_eq!(
            tries_left(&nation, Sign, DEMO_PASSWORD).await,
            None,
            "blocked, even with the right password"
        );
        assert!(nation.ask(AOKI, Authenticate, DEMO_PIN).await.is_ok(), "the other secret is not touched");
    }
}

#[tokio::test]
async fn a_blocked_card_stays_blocked_after_a_restart_until_the_municipality_unblocks_it() {
    for nation in Nation::everywhere().await {
        for _ in 0..3 {
            tries_left(&nation, Authenticate, "").await;
        }
        let again = nation.reopened().await;
        let pin = Secret::new(DEMO_PIN.to_owned());
        let refused = again.answer(&slug(AOKI), Authenticate, &pin, b"").await;
        assert!(matches!(refused, Err(CardRefusal::Blocked)));
        again.unblock(&slug(AOKI)).await.unwrap();
        assert!(again.answer(&slug(AOKI), Authenticate, &pin, b"").await.is_ok());
        assert!(matches!(again.unblock(&slug("nobody")).await, Err(LifeError::UnknownResident)));
    }
}

#[tokio::test]
async fn many_guesses_at_once_get_no_more_tries_than_one_after_the_other() {
    for nation in Nation::everywhere().await {
        let mut guesses = Vec::new();
        for _ in 0..12 {
            let world = nation.world.clone();
            guesses.push(tokio::spawn(async move {
                world.answer(&slug(AOKI), Authenticate, &Secret::new("9999".into()), b"").await
            }));
        }
        let mut compared = 0;
        for guess in guesses {
            match guess.await.unwrap() {
                Err(CardRefusal::WrongPin { .. }) => compared += 1,
                Err(CardRefusal::Blocked) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(compared, 3);
    }
}

#[tokio::test]
async fn a_child_has_no_signing_certificate_and_asking_for_it_uses_no_try() {
    let nation = Nation::sqlite().await;
    let refused = nation.ask("takahashi-hinata", Sign, "WRONG1").await;
    assert!(matches!(refused, Err(CardRefusal::CertificateAbsent)));
    assert_eq!(nation.resident("takahashi-hinata").await.card.password_tries, 5);
    assert!(nation.ask("takahashi-hinata", Authenticate, DEMO_PIN).await.is_ok());
    assert!(matches!(nation.ask("nobody", Authenticate, DEMO_PIN).await, Err(CardRefusal::Unknown)));
}

#[tokio::test]
async fn the_card_reads_attributes_with_substitutes_as_the_certificate_has_them() {
    let nation = Nation::sqlite().await;
    let Ok(CardAnswer::Attributes(read)) = nation.ask("yoshino-ieko", ReadAttributes, DEMO_PIN).await else {
        panic!("attributes were asked for")
    };
    assert_eq!(read.name, "〓野　家子");
    assert!(read.name_matches("𠮷野家子"));
    assert_eq!(read.date_of_birth.to_string(), "1992-05-17");
    assert!(read.address.starts_with("東京都新宿区"));
}
