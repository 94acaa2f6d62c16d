//! Work is counted where it is done, once, for whom it is done (`GET /v1/usage`).

use serde_json::json;

use super::fixture::{BANK, Client, Fixture, fixtures};
use super::flows::check_completion;

const SAKURA: &str = "inoue-sakura";

async fn used(fx: &Fixture, client: &Client) -> Vec<(String, u64)> {
    let answer = fx.get(client, "/v1/usage").await.expect(200);
    let lines = answer.body["lines"].as_array().unwrap();
    lines
        .iter()
        .map(|line| (line["item"].as_str().unwrap().to_owned(), line["count"].as_u64().unwrap()))
        .collect()
}

fn counts(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(item, count)| ((*item).to_owned(), *count)).collect()
}

#[tokio::test]
async fn each_verdict_is_counted_once_for_whom_it_was_made() {
    for fx in fixtures().await {
        assert_eq!(used(&fx, &fx.bank).await, []);
        fx.link(&fx.bank, "c-1", SAKURA, &[]).await;
        assert_eq!(used(&fx, &fx.bank).await, counts(&[("signature_check.list", 1)]), "{}", fx.engine);
        let check = fx.start_check(&fx.bank).await;
        let answered = fx.answer_check(&fx.bank, &check, SAKURA, BANK).await;
        let path = format!("/v1/entitlement-checks/{}/completion", check.id);
        let body = check_completion(&answered, BANK);
        for _ in 0..2 {
            let answer = fx.post_again(&fx.bank, &path, "the-same-key", &body).await;
            assert!(answer.status < 300, "{}", answer.text);
        }
        let asked = fx.post(&fx.bank, "/v1/change-checks", &json!({ "customer_id": "c-1" })).await;
        assert!(asked.status < 300, "{}", asked.text);
        let expected =
            counts(&[("signature_check.list", 1), ("authentication_check.list", 1), ("change_check", 1)]);
        assert_eq!(used(&fx, &fx.bank).await, expected, "a repeated request is no second check");
        assert_eq!(used(&fx, &fx.clinic).await, [], "another's work is another's");
    }
}
