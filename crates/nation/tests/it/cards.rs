//! The virtual card.

use musubi_card::PinReference;
use musubi_card::client::{Card, CardError, LastTry};
use musubi_card::transport::Transport;
use musubi_kernel::Secret;
use musubi_nation::CardOperation::{Authenticate, ReadAttributes, Sign};
use musubi_nation::{CardAnswer, CardOperation, CardRefusal, DEMO_PASSWORD, DEMO_PIN, LifeError, LifeEvent};

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
        assert_eq!(tries_left(&nation, Authenticate, "1235").await, Some(1));
        assert!(nation.ask(AOKI, Authenticate, DEMO_PIN).await.is_ok());
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 3);
        for left in (1..5).rev() {
            assert_eq!(tries_left(&nation, Sign, "MUSUBI2").await, Some(left));
        }
        assert_eq!(tries_left(&nation, Sign, "MUSUBI2").await, None, "the fifth blocks");
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
            tries_left(&nation, Authenticate, "0000").await;
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
async fn the_attributes_have_a_pin_of_their_own() {
    for nation in Nation::everywhere().await {
        assert_eq!(tries_left(&nation, ReadAttributes, "0000").await, Some(2));
        assert_eq!(
            nation.resident(AOKI).await.card.pin_tries,
            3,
            "the other PIN of four digits is not touched"
        );
        assert!(nation.ask(AOKI, ReadAttributes, DEMO_PIN).await.is_ok());
        assert_eq!(tries_left(&nation, ReadAttributes, "0000").await, Some(2), "success set it back");
    }
}

#[tokio::test]
async fn what_cannot_be_a_pin_costs_no_try() {
    let nation = Nation::sqlite().await;
    for text in ["", "12345", "abcd", "１２３４"] {
        assert!(matches!(nation.ask(AOKI, Authenticate, text).await, Err(CardRefusal::PinForm)), "{text}");
    }
    assert!(matches!(nation.ask(AOKI, Sign, "musubi1").await, Err(CardRefusal::PinForm)));
    let card = nation.resident(AOKI).await.card;
    assert_eq!((card.pin_tries, card.password_tries), (3, 5));
}

#[tokio::test]
async fn a_changed_pin_lasts_until_the_municipality_sets_it_anew() {
    for nation in Nation::everywhere().await {
        let secret = |text: &str| Secret::new(text.to_owned());
        let (old, new) = (secret(DEMO_PIN), secret("4711"));
        let change = move |card: &mut Card<Box<dyn Transport>>| {
            card.change_pin(PinReference::Authentication, &old, &new, LastTry::Keep)
        };
        nation.world.with_card(&slug(AOKI), change).await.unwrap();
        let again = nation.reopened().await;
        let refused = again.answer(&slug(AOKI), Authenticate, &secret(DEMO_PIN), b"").await;
        assert!(matches!(refused, Err(CardRefusal::WrongPin { tries_left: 2 })));
        assert!(again.answer(&slug(AOKI), Authenticate, &secret("4711"), b"").await.is_ok());
        again.unblock(&slug(AOKI)).await.unwrap();
        assert!(again.answer(&slug(AOKI), Authenticate, &secret(DEMO_PIN), b"").await.is_ok());
    }
}

#[tokio::test]
async fn a_pin_is_blocked_on_demand_and_the_others_are_not() {
    for nation in Nation::everywhere().await {
        nation.world.block(&slug(AOKI), PinReference::Signature).await.unwrap();
        assert!(matches!(nation.ask(AOKI, Sign, DEMO_PASSWORD).await, Err(CardRefusal::Blocked)));
        assert_eq!(nation.resident(AOKI).await.card.password_tries, 0);
        assert!(nation.ask(AOKI, Authenticate, DEMO_PIN).await.is_ok());
        let nobody = nation.world.block(&slug("nobody"), PinReference::Signature).await;
        assert!(matches!(nobody, Err(LifeError::UnknownResident)));
    }
}

#[tokio::test]
async fn a_lost_card_is_replaced_by_another_and_a_renewed_one_stays() {
    for nation in Nation::everywhere().await {
        assert_eq!(tries_left(&nation, Authenticate, "0000").await, Some(2));
        nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 3, "set anew at the counter");
        let before = chip_key(&nation).await;
        nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
        assert_eq!(chip_key(&nation).await, before, "the same card");
        nation.world.block(&slug(AOKI), PinReference::Authentication).await.unwrap();
        nation.world.live(&slug(AOKI), LifeEvent::ReportLoss).await.unwrap();
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 0);
        nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
        assert_eq!(nation.resident(AOKI).await.card.pin_tries, 3);
        assert_ne!(chip_key(&nation).await, before, "another card, with another free key");
    }
}

/// What the issuer says of the free key of Aoki's card.
async fn chip_key(nation: &Nation) -> Vec<u8> {
    let (aoki, pin) = (slug(AOKI), Secret::new(DEMO_PIN.to_owned()));
    let key = nation.world.with_card(&aoki, move |card| card.presence_key(&pin, LastTry::Keep)).await;
    key.unwrap().record
}

#[tokio::test]
async fn many_guesses_at_once_get_no_more_tries_than_one_after_the_other() {
    for nation in Nation::everywhere().await {
        let guess = |card: &mut Card<Box<dyn Transport>>| {
            card.verify(PinReference::Authentication, &Secret::new("9999".into()), LastTry::Spend)
        };
        let mut guesses = Vec::new();
        for _ in 0..12 {
            let world = nation.world.clone();
            guesses.push(tokio::spawn(async move { world.with_card(&slug(AOKI), guess).await }));
        }
        let mut left = Vec::new();
        for guess in guesses {
            match guess.await.unwrap() {
                Err(CardError::PinWrong { tries_left, .. }) => left.push(tries_left),
                Err(CardError::PinBlocked(_)) => {}
                other => panic!("{other:?}"),
            }
        }
        left.sort_unstable();
        assert_eq!(left, [1, 2], "each number once; the third says that the PIN is blocked");
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
