//! Through the router, on both databases, with a small authority's lists.

mod world;

use std::sync::Arc;

use musubi_crypto::Ed25519Signer;
use musubi_pki::offline_filter::{FilterAnswer, FilterDelta, OfflineFilter};
use musubi_pki::{AuthorityKind, CertKey, Policy, SerialNumber};
use musubi_platform::person::PersonId;
use musubi_platform::{Context, audit};
use serde_json::json;

use self::world::{FIRST, worlds};
use super::{Change, PermissionError, allow, allowed, deny, make_due, service, sql};
use crate::{Verification, linking};

#[path = "../../../pki/tests/it/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "shared with another crate's tests"
)]
mod support;

use support::authority::Authority;
use support::{DAY, NOW, anchors};

fn serial(number: u32) -> SerialNumber {
    SerialNumber::from(FIRST + number)
}

#[tokio::test]
async fn a_filter_is_made_of_the_list_and_given_to_who_is_allowed() {
    for world in worlds().await {
        let (shelter, bank) = (world.client("shelter").await, world.client("bank").await);
        assert_eq!(world.list(1, [10, 20, 30]).await, 0, "nobody may have one");
        assert_eq!(world.allows(&shelter).await, Change::Made);
        assert_eq!(world.allows(&shelter).await, Change::None);
        assert_eq!(make_due(&world.verification).await.unwrap(), 1);
        assert_eq!(make_due(&world.verification).await.unwrap(), 0, "it is made once");
        let offers = world.offers(&shelter).await;
        let offer = &offers["filters"][0];
        assert_eq!(offers["filters"].as_array().unwrap().len(), 1);
        assert_eq!(
            (&offer["certificate_kind"], &offer["list_number"]),
            (&json!("digital_signature"), &json!(1))
        );
        assert_eq!((&offer["id"], &offer["deltas"]), (&offer["sha256"], &json!([])));
        let bytes = world.content(&shelter, &offer["id"]).await;
        assert_eq!(offer["size"], json!(bytes.len()));
        let filter = OfflineFilter::open(bytes, &world.keys()).unwrap();
        assert_eq!(json!(hex::encode(filter.sha256())), offer["sha256"]);
        assert_eq!(filter.head().issuer, musubi_crypto::sha256(&Authority::signature_second().certificate()));
        assert_eq!(json!(filter.head().next_update.rfc3339()), offer["next_update"]);
        let answers = [9, 10, 11, 20, 30, 31].map(|number| filter.answer(&serial(number)));
        use FilterAnswer::{Listed, NotCovered, NotListed};
        assert_eq!(answers, [NotCovered, Listed, NotListed, Listed, Listed, NotCovered]);
        let downloads = world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await;
        assert_eq!(
            downloads,
            [json!({
                "authority": "digital_signature", "list_number": 1, "from_list_number": null,
                "sha256": offer["sha256"], "size": offer["size"],
            })]
        );
        assert_eq!(world.audited(audit::OFFLINE_FILTER_BUILT).await[0]["sha256"], offer["sha256"]);
        // Who is not allowed sees nothing, not even whether an id exists.
        let path = format!("/v1/offline-filters/{}", offer["id"].as_str().unwrap());
        for path in ["/v1/offline-filters", path.as_str(), "/v1/offline-filters/none"] {
            world.fetch(&bank, path, None).await.is_problem(403, "offline_filter.not_allowed");
        }
        world
            .fetch(&shelter, "/v1/offline-filters/none", None)
            .await
            .is_problem(404, "offline_filter.unknown");
        assert_eq!(world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await.len(), 1);
    }
}

#[test]
fn the_document_says_that_a_filter_is_bytes() {
    let document = serde_json::to_value(crate::api().into_openapi()).unwrap();
    let content = &document["paths"]["/v1/offline-filters/{id}"]["get"]["responses"]["200"]["content"];
    let schema = &content["application/octet-stream"]["schema"];
    assert_eq!((&schema["type"], &schema["format"]), (&json!("string"), &json!("binary")), "{content}");
    assert!(document["components"]["schemas"].get("Bytes").is_none());
}

#[tokio::test]
async fn who_holds_a_filter_downloads_nothing() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        let offers = world.offers(&shelter).await;
        let id = offers["filters"][0]["id"].as_str().unwrap();
        let path = format!("/v1/offline-filters/{id}");
        let first = world.fetch(&shelter, &path, None).await;
        let tag = first.headers["etag"].to_str().unwrap();
        assert_eq!(tag, format!("\"{id}\""));
        let again = world.fetch(&shelter, &path, Some(tag)).await;
        assert_eq!((again.status, again.body.len()), (304, 0));
        assert_eq!(world.fetch(&shelter, &path, Some("\"other\"")).await.status, 200);
        assert_eq!(world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await.len(), 2);
    }
}

#[tokio::test]
async fn eight_deltas_are_kept_and_lead_to_the_newest_filter_byte_for_byte() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        let mut held = None;
        for number in 1..=11_u8 {
            let listed =
                (u32::from(number)..300).filter(|serial| serial % 3 == 0 || *serial < 40 * u32::from(number));
            assert_eq!(world.list(number, listed).await, 1);
            if number == 3 {
                let offers = world.offers(&shelter).await;
                held = Some(world.content(&shelter, &offers["filters"][0]["id"]).await);
            }
        }
        let offers = world.offers(&shelter).await;
        let newest = &offers["filters"][0];
        let deltas = newest["deltas"].as_array().unwrap();
        let steps: Vec<_> =
            deltas.iter().map(|d| (d["from_list_number"].as_u64(), d["to_list_number"].as_u64())).collect();
        assert_eq!(steps, (3..11).map(|number| (Some(number), Some(number + 1))).collect::<Vec<_>>());
        let mut held = OfflineFilter::open(held.unwrap(), &world.keys()).unwrap();
        for offered in deltas {
            assert_eq!(offered["from_sha256"], json!(hex::encode(held.sha256())));
            let delta =
                FilterDelta::open(world.content(&shelter, &offered["id"]).await, &world.keys()).unwrap();
            held = delta.apply(&held, &world.keys()).unwrap();
            assert_eq!(offered["to_sha256"], json!(hex::encode(held.sha256())));
        }
        assert_eq!(held.as_bytes(), world.content(&shelter, &newest["id"]).await);
        assert_eq!(held.head().list_number, 11);
        let delta = world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await[1].clone();
        assert_eq!((&delta["from_list_number"], &delta["list_number"]), (&json!(3), &json!(4)));
    }
}

#[tokio::test]
async fn certificates_seen_before_the_list_and_earlier_filters_widen_what_is_covered() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        let person = PersonId::generate(&*world.context().random);
        let mut tx = world.context().db.begin().await.unwrap();
        for (number, seen_at) in [(5, NOW.plus(-DAY)), (90, NOW.plus(-DAY)), (95, NOW)] {
            let key = CertKey { authority: AuthorityKind::DigitalSignature, serial: serial(number) };
            linking::remember(&mut tx, &key, &person, seen_at).await.unwrap();
        }
        // Seven digits and eight: the longer text is the larger number. And another authority's counts for nothing.
        let long =
            CertKey { authority: AuthorityKind::UserAuthentication, serial: SerialNumber::from(u32::MAX) };
        linking::remember(&mut tx, &long, &person, NOW.plus(-DAY)).await.unwrap();
        let short =
            CertKey { authority: AuthorityKind::DigitalSignature, serial: SerialNumber::from(0xFFFF) };
        linking::remember(&mut tx, &short, &person, NOW.plus(-DAY)).await.unwrap();
        tx.commit().await.unwrap();
        world.list(1, [50]).await;
        let newest = async || {
            let offers = world.offers(&shelter).await;
            let bytes = world.content(&shelter, &offers["filters"][0]["id"]).await;
            OfflineFilter::open(bytes, &world.keys()).unwrap()
        };
        let covered = newest().await.coverage().ranges().collect::<Vec<_>>();
        assert!(covered == [(SerialNumber::from(0xFFFF), serial(90))], "{} ranges", covered.len());
        // The entry that ended the list's range is gone from the next list; what was covered stays so.
        world.list(2, [200]).await;
        world.list(3, [60]).await;
        assert!(newest().await.coverage().ranges().eq([(SerialNumber::from(0xFFFF), serial(200))]));
        assert_eq!(newest().await.answer(&serial(200)), FilterAnswer::NotListed);
    }
}

#[tokio::test]
async fn who_downloads_without_end_is_told_to_wait() {
    for world in worlds().await {
        let (shelter, hospital) = (world.client("shelter").await, world.client("hospital").await);
        world.allows(&shelter).await;
        world.allows(&hospital).await;
        world.list(1, [10]).await;
        let id = world.offers(&shelter).await["filters"][0]["id"].clone();
        let path = format!("/v1/offline-filters/{}", id.as_str().unwrap());
        for _ in 0..30 {
            assert_eq!(world.fetch(&shelter, &path, None).await.status, 200);
        }
        world.fetch(&shelter, &path, None).await.is_problem(429, "request.rate_limited");
        let tag = format!("\"{}\"", id.as_str().unwrap());
        assert_eq!(world.fetch(&shelter, &path, Some(&tag)).await.status, 304, "that costs nothing");
        assert_eq!(world.fetch(&hospital, &path, None).await.status, 200);
        assert_eq!(world.audited(audit::OFFLINE_FILTER_DOWNLOADED).await.len(), 31);
    }
}

#[tokio::test]
async fn who_is_denied_gets_nothing_more_and_nothing_more_is_made() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        let mut tx = world.context().db.begin().await.unwrap();
        assert_eq!(allowed(&mut tx).await.unwrap(), [(shelter.id.clone(), NOW)]);
        let random = &*world.context().random;
        assert_eq!(deny(&mut tx, &shelter.id, random, NOW).await.unwrap(), Change::Made);
        assert_eq!(deny(&mut tx, &shelter.id, random, NOW).await.unwrap(), Change::None);
        let nobody = "rp_00000000000000000000000000000000".parse().unwrap();
        for refused in [allow(&mut tx, &nobody, random, NOW).await, deny(&mut tx, &nobody, random, NOW).await]
        {
            assert!(matches!(refused, Err(PermissionError::UnknownRelyingParty)));
        }
        tx.commit().await.unwrap();
        world
            .fetch(&shelter, "/v1/offline-filters", None)
            .await
            .is_problem(403, "offline_filter.not_allowed");
        assert_eq!(world.list(2, [10, 11]).await, 0);
        let kinds =
            [audit::OFFLINE_FILTER_ALLOWED, audit::OFFLINE_FILTER_DENIED, audit::OFFLINE_FILTER_BUILT];
        for kind in kinds {
            assert_eq!(world.audited(kind).await.len(), 1, "{kind}");
        }
    }
}

#[tokio::test]
async fn of_two_processes_that_make_the_same_filter_one_stores_it() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        world.upstream.publish(2, [10, 11]);
        world.verification.take_in().await.unwrap();
        let lists = world.verification.lists().snapshot();
        let list = &lists[0];
        let mut tx = world.context().db.begin_read().await.unwrap();
        let before = sql::newest(&mut tx, list.authority(), list.key_id()).await.unwrap();
        drop(tx);
        let key = &world.context().signing_key;
        let made = service::made_of(list, [9; 32], [].into_iter(), before.clone(), key).unwrap();
        assert!(made.delta.is_none(), "a filter of another certificate of the authority is no beginning");
        let issuer = musubi_crypto::sha256(&Authority::signature_second().certificate());
        let made = service::made_of(list, issuer, [].into_iter(), before.clone(), key).unwrap();
        for stored in [true, false] {
            let mut tx = world.context().db.begin().await.unwrap();
            let random = &*world.context().random;
            let now = world.context().clock.now();
            let answer = service::store(&mut tx, list, &made, before.as_ref(), random, now).await.unwrap();
            assert_eq!(answer, stored);
            if answer {
                tx.commit().await.unwrap();
            }
        }
        assert_eq!(make_due(&world.verification).await.unwrap(), 0);
        assert_eq!(world.audited(audit::OFFLINE_FILTER_BUILT).await.len(), 2);
    }
}

#[tokio::test]
async fn after_a_change_of_the_signing_key_the_filter_begins_anew() {
    for world in worlds().await {
        let shelter = world.client("shelter").await;
        world.allows(&shelter).await;
        world.list(1, [10]).await;
        world.list(2, [10, 11]).await;
        let context = Context {
            signing_key: Arc::new(Ed25519Signer::from_seed(&[8; 32]).unwrap()),
            ..world.context().clone()
        };
        world.upstream.publish(3, [10, 11, 12]);
        let later =
            Verification::new(context, anchors(), Arc::clone(&world.upstream) as _, Policy::default());
        later.take_in().await.unwrap();
        assert_eq!(make_due(&later).await.unwrap(), 1);
        let offers = world.offers(&shelter).await;
        assert_eq!(offers["filters"][0]["list_number"], json!(3));
        assert_eq!(offers["filters"][0]["deltas"], json!([]), "no delta leads from one key to another");
    }
}
