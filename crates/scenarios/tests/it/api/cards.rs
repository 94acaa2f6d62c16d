//! What the card itself refuses: nothing of it reaches the platform.

use musubi_kernel::Secret;
use musubi_nation::CardOperation::{self, Authenticate, ReadAttributes, Sign};
use musubi_nation::{CardAnswer, CardRefusal, DEMO_PASSWORD, DEMO_PIN, PASSWORD_TRIES, PIN_TRIES};

use super::fixture::Fixture;
use super::flows::id;

const MISAKI: &str = "aoki-misaki";

async fn ask(
    fx: &Fixture,
    resident: &str,
    operation: CardOperation,
    pin: &str,
) -> Result<CardAnswer, CardRefusal> {
    fx.world.answer(&id(resident), operation, &Secret::new(pin.to_owned()), b"message").await
}

/// Wrong until blocked, then blocked even for the right one.
async fn blocks(operation: CardOperation, right: &str, wrong: &str, tries: u8) {
    let fx = Fixture::on_sqlite().await;
    let before = fx.counts().await;
    for left in (1..tries).rev() {
        match ask(&fx, MISAKI, operation, wrong).await {
            Err(CardRefusal::WrongPin { tries_left }) => assert_eq!(tries_left, left),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(ask(&fx, MISAKI, operation, wrong).await, Err(CardRefusal::Blocked)));
    assert!(matches!(ask(&fx, MISAKI, operation, right).await, Err(CardRefusal::Blocked)));
    assert_eq!(fx.counts().await, before, "the platform learns nothing of it");
    fx.world.unblock(&id(MISAKI)).await.unwrap();
    assert!(ask(&fx, MISAKI, operation, right).await.is_ok());
}

#[tokio::test]
async fn three_wrong_pins_block_the_card() {
    blocks(Authenticate, DEMO_PIN, "0000", PIN_TRIES).await;
    blocks(ReadAttributes, DEMO_PIN, "0000", PIN_TRIES).await;
}

#[tokio::test]
async fn five_wrong_passwords_block_the_signing_key() {
    blocks(Sign, DEMO_PASSWORD, "WRONG12", PASSWORD_TRIES).await;
}

#[tokio::test]
async fn a_right_pin_gives_all_tries_back_and_the_two_secrets_count_apart() {
    let fx = Fixture::on_sqlite().await;
    for _ in 0..3 {
        assert!(matches!(
            ask(&fx, MISAKI, Authenticate, "0000").await,
            Err(CardRefusal::WrongPin { tries_left: 2 })
        ));
        assert!(ask(&fx, MISAKI, Authenticate, DEMO_PIN).await.is_ok());
    }
    assert!(ask(&fx, MISAKI, Sign, "WRONG12").await.is_err(), "not the password");
    let card = fx.resident(MISAKI).await.card;
    assert_eq!((card.pin_tries, card.password_tries), (PIN_TRIES, PASSWORD_TRIES - 1));
}

#[tokio::test]
async fn a_child_has_no_signing_certificate_and_an_unknown_card_is_none() {
    let fx = Fixture::on_sqlite().await;
    let child = "takahashi-hinata";
    assert!(matches!(ask(&fx, child, Sign, DEMO_PASSWORD).await, Err(CardRefusal::CertificateAbsent)));
    assert_eq!(fx.resident(child).await.card.password_tries, PASSWORD_TRIES, "no try is used");
    assert!(matches!(ask(&fx, "nobody", Sign, DEMO_PASSWORD).await, Err(CardRefusal::Unknown)));
}
