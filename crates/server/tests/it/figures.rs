//! What the console and the metrics read of the platform's tables, on both engines.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use musubi_console::{AccessCode, Figures as _, StreamState};
use musubi_crypto::{ClientKey, Ed25519Signer, JwkSet};
use musubi_feed::{CREDENTIAL_CHANGE, Event};
use musubi_httpkit::page::CardOrigins;
use musubi_kernel::{FixedClock, Secret, SeededRandom, UnixTime};
use musubi_pki::{Policy, TrustAnchors};
use musubi_platform::change_stream::{NewEntry, append_all, customers_changed};
use musubi_platform::relying_party::{NewRelyingParty, RelyingPartyId, register};
use musubi_server::{Origins, Parts, Platform};
use musubi_store::Db;
use musubi_verification::presence::CardAuthorities;
use musubi_verification::upstream::HttpUpstream;
use tower::ServiceExt as _;

pub(crate) const NOW: UnixTime = UnixTime(1_790_000_000);

/// A platform that nobody has used yet.
pub(crate) struct Made {
    pub(crate) platform: Platform,
    _dir: tempfile::TempDir,
}

pub(crate) async fn platforms() -> Vec<Made> {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = Db::open_sqlite(&dir.path().join("t.sqlite")).await.unwrap();
    let mut made = vec![Made { platform: platform(sqlite).await, _dir: dir }];
    if let Some(db) = musubi_store::testing::postgres_schema().await {
        made.push(Made { platform: platform(db).await, _dir: tempfile::tempdir().unwrap() });
    }
    made
}

async fn platform(db: Db) -> Platform {
    let upstream = HttpUpstream::new("http://127.0.0.1:1".to_owned(), Secret::new("x".to_owned()));
    Platform::open(Parts {
        db,
        clock: Arc::new(FixedClock::new(NOW)),
        random: Arc::new(SeededRandom::new([1; 32])),
        pairwise_secret: Secret::new(vec![7; 32]),
        signing_key: Ed25519Signer::from_seed(&[7; 32]).unwrap(),
        anchors: TrustAnchors::production().unwrap(),
        card_authorities: CardAuthorities::default(),
        upstream: Arc::new(upstream),
        policy: Policy { max_list_age: Some(3600), ..Policy::default() },
        origins: Origins {
            api: "https://api.musubi.test".into(),
            portal: "https://portal.musubi.test".into(),
            card: CardOrigins::from("https://card.musubi.test"),
        },
        reach: musubi_httpkit::outbound::Reach::PublicOnly,
        sealed_lists: None,
    })
    .await
    .unwrap()
}

/// Registers a relying party and tells it of `events` changes.
pub(crate) async fn told(platform: &Platform, events: usize) -> RelyingPartyId {
    let context = platform.context();
    let new = NewRelyingParty {
        name_ja: "みほん銀行".into(),
        name_en: "Mihon Bank".into(),
        origins: vec!["https://bank.test".into()],
        key_set: JwkSet::parse(&ClientKey::generate().unwrap().jwk_set()).unwrap(),
    };
    let mut tx = context.db.begin().await.unwrap();
    let rp = register(&mut tx, &new, context.random.as_ref(), NOW).await.unwrap();
    customers_changed(&mut tx, context, &rp, 7).await.unwrap();
    let entry = || {
        let event = Event::about(CREDENTIAL_CHANGE, "pw_x".into(), serde_json::Map::new());
        NewEntry { relying_party: rp.clone(), person: None, event }
    };
    let entries = std::iter::repeat_with(entry).take(events).collect();
    append_all(&mut tx, context, entries, NOW).await.unwrap();
    tx.commit().await.unwrap();
    rp
}

pub(crate) async fn text(router: Router, path: &str) -> (u16, String) {
    let request = Request::get(path).header("host", "x").body(Body::empty()).unwrap();
    let response = router.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn streams_and_their_events_are_read_with_the_names_of_their_receivers() {
    for made in platforms().await {
        let rp = told(&made.platform, 3).await;
        let figures = made.platform.figures();
        let streams = figures.streams().await.unwrap();
        let [stream] = &streams[..] else { panic!("{streams:?}") };
        assert_eq!((&stream.relying_party, stream.name_en.as_str()), (&rp, "Mihon Bank"));
        assert_eq!((stream.head, stream.customers, stream.depth()), (3, 7, 0));
        assert_eq!((stream.delivered, stream.state), (None, StreamState::Fetched));
        let today = NOW.date_in_japan();
        let days = figures.events_per_day(today.plus_days(-30)).await.unwrap();
        assert_eq!(days.iter().map(|day| (day.day, day.count)).collect::<Vec<_>>(), [(today, 3)]);
        assert!(figures.events_per_day(today.plus_days(1)).await.unwrap().is_empty());
        assert!(figures.lists().await.unwrap().is_empty() && figures.imports().await.is_empty());
        // The portal is a relying party, too.
        let contracts = figures.contracts().await.unwrap();
        assert_eq!((contracts[0].max_age_seconds, contracts[0].relying_parties), (3600, 2));
    }
}

#[tokio::test]
async fn the_console_is_served_by_the_platform_and_closed_to_who_has_no_code() {
    for made in platforms().await {
        let code = AccessCode::parse("a-code-for-the-console").unwrap();
        let console = made.platform.console(code, "http://console.localhost:1".into());
        assert_eq!(text(console.clone(), "/").await.0, 303);
        let (status, page) = text(console, "/sign-in?lang=en").await;
        assert!(status == 200 && page.contains("Operator console"));
    }
}
