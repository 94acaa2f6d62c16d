//! The platform client's token.

use std::sync::Arc;

use musubi_kernel::{FixedClock, SeededRandom};
use musubi_services::platform_client::{Asked, PlatformClient, PlatformError};

use crate::NOW;
use crate::platform::{Next, Platform, RP, problem};

async fn client() -> (PlatformClient, Platform, Arc<FixedClock>) {
    let platform = Platform::start().await;
    let clock = Arc::new(FixedClock::new(NOW));
    let random = Arc::new(SeededRandom::new([9; 32]));
    let client =
        PlatformClient::new(platform.origin(), RP.into(), platform.client_key(), clock.clone(), random);
    (client, platform, clock)
}

#[tokio::test]
async fn one_token_serves_until_half_a_minute_before_its_end() {
    let (client, platform, clock) = client().await;
    let all = (client.change_events(0, 100), client.change_events(0, 100), client.change_events(0, 100));
    let (a, b, c) = tokio::join!(all.0, all.1, all.2);
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!(platform.tokens(), 1, "calls at the same time share it");
    clock.advance(569);
    client.change_events(0, 100).await.unwrap();
    assert_eq!(platform.tokens(), 1);
    clock.advance(1);
    client.change_events(0, 100).await.unwrap();
    assert_eq!(platform.tokens(), 2);
}

#[tokio::test]
async fn a_withdrawn_token_is_replaced_once() {
    let (client, platform, _) = client().await;
    client.change_events(0, 100).await.unwrap();
    platform.withdraw_tokens();
    client.change_events(0, 100).await.unwrap();
    assert_eq!(platform.tokens(), 2);
    platform.next("/entitlement-checks", Next::Answer(401, problem("token.invalid")));
    platform.next("/entitlement-checks", Next::Answer(401, problem("token.invalid")));
    let refused = client.open_entitlement_check("k1", Asked::Pin).await.unwrap_err();
    assert_eq!(refused.code(), Some("token.invalid"));
    assert_eq!(platform.tokens(), 3, "it does not go on asking");
}

#[tokio::test]
async fn a_problem_comes_with_its_words_and_silence_is_not_a_refusal() {
    let (client, platform, _) = client().await;
    platform.next("/entitlement-checks", Next::Answer(503, problem("upstream.unreachable")));
    match client.open_entitlement_check("k1", Asked::Pin).await {
        Err(PlatformError::Refused { status: 503, reason }) => {
            assert_eq!(reason.en.what, "upstream.unreachable happened")
        }
        other => panic!("{other:?}"),
    }
    platform.next("/entitlement-checks", Next::Unavailable);
    assert!(matches!(client.open_entitlement_check("k2", Asked::Pin).await, Err(PlatformError::Unreachable)));
}
