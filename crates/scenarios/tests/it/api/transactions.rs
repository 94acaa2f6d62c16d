//! Transactions of both kinds: used once, for fifteen minutes, by the relying party that started them.

use musubi_nation::CardOperation::Sign;

use super::fixture::{Answer, BANK, CLINIC, Client, Fixture, fixtures};
use super::flows::{Check, PASSED, Proofing, Signed};

const MISAKI: &str = "aoki-misaki";

/// One transaction of each kind, with the card's answers to both.
struct Both {
    proofing: Proofing,
    signed: Signed,
    check: Check,
    answered: Signed,
}

impl Both {
    async fn start(fx: &Fixture) -> Self {
        let proofing = fx.start_proofing(&fx.bank, "c-1", fx.application(MISAKI, &[]).await).await;
        let signed = fx.card(MISAKI, Sign, &proofing.document).await;
        let check = fx.start_check(&fx.bank).await;
        let answered = fx.answer_check(&fx.bank, &check, MISAKI, BANK).await;
        Self { proofing, signed, check, answered }
    }

    async fn complete(&self, fx: &Fixture, client: &Client) -> [Answer; 2] {
        [
            fx.complete_proofing(client, &self.proofing, &self.proofing.application, &self.signed).await,
            fx.complete_check(client, &self.check, &self.answered, BANK).await,
        ]
    }

    async fn read(&self, fx: &Fixture, client: &Client) -> [Answer; 2] {
        [
            fx.get(client, &format!("/v1/identity-proofings/{}", self.proofing.id)).await,
            fx.get(client, &format!("/v1/entitlement-checks/{}", self.check.id)).await,
        ]
    }
}

#[tokio::test]
async fn the_same_answer_of_a_card_is_good_once() {
    for fx in fixtures().await {
        let both = Both::start(&fx).await;
        for answer in both.complete(&fx, &fx.bank).await {
            assert_eq!(answer.verdict(), PASSED);
        }
        let before = fx.counts().await;
        for answer in both.complete(&fx, &fx.bank).await {
            assert_eq!(answer.code(), (409, "nonce.replayed"));
        }
        assert_eq!(fx.counts().await, before);
    }
}

#[tokio::test]
async fn a_refused_transaction_is_used_up() {
    for fx in fixtures().await {
        let both = Both::start(&fx).await;
        let wrong =
            Both { signed: both.answered.clone(), answered: both.signed.clone(), ..Both::start(&fx).await };
        let (right_signed, right_answered) = (both.signed.clone(), both.answered.clone());
        let spoiled = Both { signed: wrong.signed, answered: wrong.answered, ..both };
        for answer in spoiled.complete(&fx, &fx.bank).await {
            assert_eq!(answer.str("state"), "refused");
        }
        let before = fx.counts().await;
        let right = Both { signed: right_signed, answered: right_answered, ..spoiled };
        for answer in right.complete(&fx, &fx.bank).await {
            assert_eq!(answer.code(), (409, "nonce.replayed"), "no second guess with one nonce");
        }
        assert_eq!(fx.counts().await, before);
    }
}

#[tokio::test]
async fn a_transaction_lasts_fifteen_minutes() {
    for fx in fixtures().await {
        let (first, second) = (Both::start(&fx).await, Both::start(&fx).await);
        fx.advance(900).await;
        for answer in first.complete(&fx, &fx.bank).await {
            assert_eq!(answer.verdict(), PASSED);
        }
        fx.advance(1).await;
        let before = fx.counts().await;
        for answer in second.complete(&fx, &fx.bank).await {
            assert_eq!(answer.code(), (410, "transaction.expired"));
        }
        for answer in second.read(&fx, &fx.bank).await {
            assert_eq!(answer.str("state"), "open", "never judged");
        }
        assert_eq!(fx.counts().await, before);
    }
}

#[tokio::test]
async fn a_transaction_of_another_relying_party_does_not_exist() {
    for fx in fixtures().await {
        let both = Both::start(&fx).await;
        let before = fx.counts().await;
        for answer in both.complete(&fx, &fx.clinic).await.iter().chain(&both.read(&fx, &fx.clinic).await) {
            assert_eq!(answer.code(), (404, "transaction.unknown"));
        }
        assert_eq!(fx.counts().await, before);
        for answer in both.complete(&fx, &fx.bank).await {
            assert_eq!(answer.verdict(), PASSED);
        }
        for answer in both.read(&fx, &fx.clinic).await {
            assert_eq!(answer.code(), (404, "transaction.unknown"));
        }
    }
}

#[tokio::test]
async fn another_relying_partys_origin_does_not_help_with_its_transaction() {
    for fx in fixtures().await {
        let body = Fixture::proofing_body(&fx.bank, "c-1", &fx.application(MISAKI, &[]).await);
        let before = fx.counts().await;
        let mut foreign = body.clone();
        foreign["origin"] = CLINIC.into();
        let answer = fx.post(&fx.bank, "/v1/identity-proofings", &foreign).await;
        assert_eq!(answer.code(), (422, "origin.not_registered"));
        assert_eq!(fx.counts().await, before);
    }
}
