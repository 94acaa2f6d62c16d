//! Announcements of lists, delta lists and downloads in parts, of the small nation and of a population: one wire.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use der::asn1::OctetString;
use der::{Decode as _, Encode as _};
use http_body_util::BodyExt as _;
use musubi_crypto::sha256;
use musubi_kernel::Secret;
use musubi_nation::population::{Partitions, Population, PopulationUpstream};
use musubi_nation::{DEFAULT_SEED, Dials, LifeEvent, MUNICIPALITIES};
use musubi_pki::{AuthorityKind, ListScope, MAX_LIST_BYTES, TrustAnchors, VerifiedRevocationList};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{AOKI, CREDENTIAL, EPOCH, Nation, SATO, slug};

const LISTS: &str = "/upstream/v1/revocation-lists";

async fn send(router: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, Vec<u8>) {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
}

async fn get(
    router: &Router,
    path: &str,
    more: &[(header::HeaderName, &str)],
) -> (StatusCode, HeaderMap, Vec<u8>) {
    let mut request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"));
    for (name, value) in more {
        request = request.header(name, *value);
    }
    send(router, request.body(Body::empty()).unwrap()).await
}

async fn post(router: &Router, path: &str, body: &Value) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let (status, _, body) = send(router, request).await;
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

async fn announced(router: &Router, query: &str) -> Vec<Value> {
    let (status, _, body) = get(router, &format!("{LISTS}{query}"), &[]).await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_slice::<Value>(&body).unwrap()["lists"].as_array().unwrap().clone()
}

/// The bytes of an announced list or delta list, as announced.
async fn fetched(router: &Router, list: &Value) -> Vec<u8> {
    let (status, headers, der) = get(router, list["path"].as_str().unwrap(), &[]).await;
    assert_eq!((status, headers[header::ACCEPT_RANGES].as_bytes()), (StatusCode::OK, &b"bytes"[..]));
    assert_eq!(list["bytes"].as_u64(), Some(der.len() as u64));
    assert_eq!(list["sha256"], hex::encode(sha256(&der)));
    der
}

/// What a list or delta list says of serial numbers, read without any verifier: reason codes, 0 for none.
fn entries(list: &[u8]) -> BTreeMap<Vec<u8>, u8> {
    type Any<'a> = der::asn1::AnyRef<'a>;
    let parts = |der: &[u8]| -> Vec<Vec<u8>> {
        let whole: Vec<Any<'_>> = Vec::from_der(der).unwrap();
        whole.iter().map(|part| part.to_der().unwrap()).collect()
    };
    let to_be_signed = parts(&parts(list)[0]);
    // Version, algorithm, issuer, two times; then the entries, if there are any.
    let Some(listed) = to_be_signed.get(5).filter(|part| part[0] == 0x30) else { return BTreeMap::new() };
    parts(listed)
        .iter()
        .map(|entry| {
            let entry = parts(entry);
            let code = entry.get(2).map_or(0, |extensions| {
                let extension = parts(&parts(extensions)[0]);
                *OctetString::from_der(extension.last().unwrap()).unwrap().as_bytes().last().unwrap()
            });
            (entry[0].clone(), code)
        })
        .collect()
}

/// Applies delta lists to a list, as a careful receiver does.
fn applied(mut list: BTreeMap<Vec<u8>, u8>, delta: &[u8]) -> BTreeMap<Vec<u8>, u8> {
    for (serial, code) in entries(delta) {
        if code == 8 {
            assert!(list.remove(&serial).is_some());
        } else {
            assert!(list.insert(serial, code).is_none());
        }
    }
    list
}

#[tokio::test]
async fn an_announcement_says_scope_size_and_digest_and_keeps_what_it_said_before() {
    for nation in Nation::everywhere().await {
        let router = nation.world.upstream();
        let full = announced(&router, "").await;
        assert_eq!(full, announced(&router, "?scope=full").await);
        assert_eq!(full.len(), 4);
        for list in &full {
            assert_eq!(
                (&list["scope"], &list["number"], &list["deltas"]),
                (&json!("full"), &json!(1), &json!([]))
            );
            assert!(list["path"].as_str().unwrap().ends_with("/full.crl"));
            for member in ["authority", "key_id", "this_update", "next_update"] {
                assert!(list[member].is_string(), "{member}");
            }
            fetched(&router, list).await;
        }
        let parts = announced(&router, "?scope=municipalities").await;
        assert_eq!(parts.len(), 4 * MUNICIPALITIES.len());
        assert_eq!(announced(&router, "?scope=all").await.len(), parts.len() + full.len());
        let anchors = TrustAnchors::insecure_test_hierarchy(nation.world.trust_anchors()).unwrap();
        for list in parts.iter().step_by(9) {
            let der = fetched(&router, list).await;
            let verified = VerifiedRevocationList::parse_and_verify(&der, &anchors, MAX_LIST_BYTES).unwrap();
            let name = STANDARD.decode(list["scope"]["directory_name"].as_str().unwrap()).unwrap();
            assert_eq!(*verified.scope(), ListScope::Partition(name));
            let code = list["scope"]["municipality"].as_str().unwrap();
            assert!(list["path"].as_str().unwrap().ends_with(&format!("/{code}.crl")));
        }
        for wrong in ["?scope=none", "?scope=", "?other=1"] {
            assert_eq!(
                get(&router, &format!("{LISTS}{wrong}"), &[]).await.0,
                StatusCode::BAD_REQUEST,
                "{wrong}"
            );
        }
    }
}

#[tokio::test]
async fn delta_lists_lead_from_each_full_list_to_the_next_and_eight_are_kept() {
    for nation in Nation::everywhere().await {
        let router = nation.world.upstream();
        let newest = async || announced(&router, "").await.swap_remove(1);
        let mut lists = vec![entries(&fetched(&router, &newest().await).await)];
        let town = |n: usize| MUNICIPALITIES[n].code.to_owned();
        for n in 0..10 {
            let event = LifeEvent::Move { municipality: town(n), address: "本町1-1".into() };
            // Two events within one second, then one after some days.
            nation.world.live(&slug(if n % 2 == 0 { AOKI } else { SATO }), event).await.unwrap();
            if n % 2 == 1 {
                nation.world.advance_clock(3600).await.unwrap();
            }
            lists.push(entries(&fetched(&router, &newest().await).await));
        }
        let list = newest().await;
        assert_eq!(list["number"], 11);
        let deltas = list["deltas"].as_array().unwrap();
        assert_eq!(deltas.len(), 8);
        let mut followed = lists[2].clone();
        for (n, delta) in (3..).zip(deltas) {
            assert_eq!((&delta["base_number"], &delta["number"]), (&json!(n), &json!(n + 1)));
            followed = applied(followed, &fetched(&router, delta).await);
            assert_eq!(followed, lists[n]);
        }
        assert!(lists[10].len() >= lists[0].len() + 8);
        let gone = deltas[0]["path"].as_str().unwrap().replace("3-4", "2-3");
        for path in
            [&gone, &gone.replace("2-3", "3"), &gone.replace("2-3", "4-3"), &gone.replace("full", "13101")]
        {
            assert_eq!(get(&router, path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    }
}

#[tokio::test]
async fn what_has_ended_is_removed_by_the_delta_and_a_pause_of_publication_loses_nothing() {
    for nation in Nation::everywhere().await {
        let router = nation.world.upstream();
        let end = nation.resident("okamoto-megumi").await.card.signature.unwrap().not_after;
        let mut before = BTreeMap::new();
        for list in announced(&router, "").await {
            before.insert(list["key_id"].to_string(), entries(&fetched(&router, &list).await));
        }
        let stopped = Dials { authority_unreachable: false, publication_stopped: true };
        nation.world.set_dials(stopped).await.unwrap();
        nation.world.live(&slug(AOKI), LifeEvent::ReportLoss).await.unwrap();
        nation.world.advance_clock(end.since(EPOCH) + 1).await.unwrap();
        nation.world.set_dials(Dials::default()).await.unwrap();
        let mut codes = Vec::new();
        for list in announced(&router, "").await {
            let delta = fetched(&router, list["deltas"].as_array().unwrap().last().unwrap()).await;
            codes.extend(entries(&delta).into_values());
            let base = before[&list["key_id"].to_string()].clone();
            assert_eq!(applied(base, &delta), entries(&fetched(&router, &list).await));
        }
        assert!(codes.contains(&8), "ended certificates are removed: {codes:?}");
    }
}

#[tokio::test]
async fn a_download_goes_on_where_it_broke_off_unless_the_list_is_another() {
    let nation = Nation::sqlite().await;
    let router = nation.world.upstream();
    let list = announced(&router, "").await.swap_remove(0);
    let (path, der) = (list["path"].as_str().unwrap(), fetched(&router, &list).await);
    let etag = format!("\"{}\"", list["sha256"].as_str().unwrap());
    let half = der.len() / 2;
    let rest = format!("bytes={half}-");
    let resume = [(header::RANGE, rest.as_str()), (header::IF_RANGE, etag.as_str())];
    let (status, headers, body) = get(&router, path, &resume).await;
    assert_eq!((status, body.as_slice()), (StatusCode::PARTIAL_CONTENT, &der[half..]));
    let said = format!("bytes {half}-{}/{}", der.len() - 1, der.len());
    assert_eq!(headers[header::CONTENT_RANGE], said.as_str());
    let beyond = format!("bytes={}-", der.len());
    let (status, headers, body) = get(&router, path, &[(header::RANGE, &beyond)]).await;
    assert_eq!((status, body.len()), (StatusCode::RANGE_NOT_SATISFIABLE, 0));
    assert_eq!(headers[header::CONTENT_RANGE], format!("bytes */{}", der.len()).as_str());
    nation.world.publish_lists().await.unwrap();
    let (status, _, whole) = get(&router, path, &resume).await;
    assert_eq!(status, StatusCode::OK);
    assert!(whole != der && whole.len() >= half, "the new list from its beginning");
}

/// A population of 2,000 that has lived for some days behind the API.
fn population(folder: &tempfile::TempDir) -> PopulationUpstream {
    let mut population = Population::found(DEFAULT_SEED, 2000, EPOCH).unwrap();
    population.live_until(EPOCH.plus(200 * 86_400));
    let credential = Secret::new(CREDENTIAL.to_owned());
    PopulationUpstream::new(population, folder.path().to_owned(), Partitions::Municipalities, credential)
}

#[tokio::test]
async fn a_population_is_served_over_the_same_wire() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = population(&folder);
    let router = upstream.router();
    assert_eq!(get(&router, LISTS, &[]).await.2, br#"{"lists":[]}"#, "nothing is published yet");
    assert_eq!(upstream.publish().unwrap(), 1);
    let anchors =
        TrustAnchors::insecure_test_hierarchy(upstream.read(Population::trust_anchors).unwrap()).unwrap();
    let first = announced(&router, "").await;
    assert_eq!(first.len(), 4);
    let mut lists = BTreeMap::new();
    for list in &first {
        let der = fetched(&router, list).await;
        let verified = VerifiedRevocationList::parse_and_verify(&der, &anchors, MAX_LIST_BYTES).unwrap();
        assert_eq!((verified.number(), verified.key_id()), (1, list["key_id"].as_str().unwrap()));
        lists.insert(list["key_id"].as_str().unwrap().to_owned(), entries(&der));
    }
    for day in 201..=212 {
        upstream.live_watched(EPOCH.plus(day * 86_400), &mut |_| ());
        upstream.publish().unwrap();
    }
    for list in announced(&router, "").await {
        assert_eq!(list["number"], 13);
        let deltas = list["deltas"].as_array().unwrap();
        assert_eq!((deltas.len(), &deltas[0]["base_number"]), (8, &json!(5)));
        let mut changes = 0;
        for delta in deltas {
            changes += entries(&fetched(&router, delta).await).len();
        }
        let now = entries(&fetched(&router, &list).await);
        let base = &lists[list["key_id"].as_str().unwrap()];
        assert!(changes > 0 || now == *base, "{changes} changes in eight days");
    }
    assert_eq!(announced(&router, "?scope=all").await.len(), 4 + 4 * MUNICIPALITIES.len());
    let kept = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(kept, 4 + 4 * MUNICIPALITIES.len() + 4 * 8, "older files are deleted");
    let (status, _, _) = send(&router, Request::get(LISTS).body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    upstream.set_unreachable(true);
    assert_eq!(get(&router, LISTS, &[]).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_populations_serial_numbers_and_attributes_are_answered_over_the_wire() {
    let folder = tempfile::tempdir().unwrap();
    let upstream = population(&folder);
    let router = upstream.router();
    let kind = AuthorityKind::DigitalSignature;
    let (resident, serial) = upstream.read(|p| p.good_certificates(kind).next()).unwrap();
    let hex = |serial: u32| serde_json::to_value(musubi_pki::SerialNumber::from(serial)).unwrap();
    let asked = json!({ "authority": "digital_signature", "serial": hex(serial) });
    let other = upstream.read(|p| p.correspondence(kind, serial)).unwrap();
    let (_, answer) = post(&router, "/upstream/v1/correspondence", &asked).await;
    assert_eq!(answer, json!({ "authority": "user_authentication", "serial": hex(other) }));
    let (_, answer) = post(&router, "/upstream/v1/succession", &asked).await;
    assert_eq!(answer["current"], hex(serial));
    let unknown = json!({ "authority": "digital_signature", "serial": "01" });
    assert_eq!(post(&router, "/upstream/v1/succession", &unknown).await.1["code"], "certificate.unknown");
    assert_eq!(post(&router, "/upstream/v1/correspondence", &unknown).await.1["code"], "correspondence.none");

    // Somebody who will move and get a new signing certificate.
    let mut mover = None;
    let old: BTreeMap<u32, u32> = upstream.read(|p| p.good_certificates(kind).collect());
    assert!(old.contains_key(&resident));
    for (number, serial) in &old {
        upstream.consent_as(&format!("cs_{number}"), "rp_pension", *serial, &["address"]).unwrap();
    }
    upstream.live_watched(upstream.read(Population::now).plus(60 * 86_400), &mut |event| {
        let moved =
            event.revoked.digital_signature.is_some_and(|r| r.reason.as_str() == "affiliationChanged");
        if moved && event.issued.digital_signature.is_some() && old.contains_key(&event.resident) {
            mover = Some(event.resident);
        }
    });
    let mover = mover.unwrap();
    let asked = |service: &str| json!({ "consent_id": format!("cs_{mover}"), "service_id": service, "serial": hex(old[&mover]) });
    let path = "/upstream/v1/latest-attributes";
    let (status, answer) = post(&router, path, &asked("rp_pension")).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let address = upstream.read(|p| p.attributes(mover)).unwrap().address;
    assert_eq!(answer["attributes"], json!({ "address": address }), "what was consented, and no more");
    assert_eq!((answer["fee_yen"].as_u64(), upstream.fees_yen()), (Some(20), 20));
    assert_eq!(post(&router, path, &asked("rp_other")).await.1["code"], "consent.none");
    let withdrawal = format!("/upstream/v1/consents/cs_{mover}/withdrawal");
    assert_eq!(post(&router, &withdrawal, &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(post(&router, path, &asked("rp_pension")).await.1["code"], "consent.none");
    assert_eq!(upstream.fees_yen(), 20);
    for (serial, items) in
        [(1, &["name"][..]), (old[&mover], &["name"]), (serial, &[]), (serial, &["name", "x"])]
    {
        assert!(upstream.consent_as("cs_new", "rp_pension", serial, items).is_err(), "{items:?}");
    }
    let unsigned = json!({ "consent_id": "cs_1", "service_id": "rp_1", "document": "", "signature": "",
        "certificate": "", "items": ["name"] });
    assert_eq!(post(&router, "/upstream/v1/consents", &unsigned).await.1["code"], "consent.signature");
}
