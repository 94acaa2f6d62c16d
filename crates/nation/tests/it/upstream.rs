//! The upstream API through its router.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::BodyExt as _;
use musubi_kernel::UnixTime;
use musubi_nation::CardOperation::{Authenticate, Sign};
use musubi_nation::{Dials, LifeEvent};
use musubi_pki::{RevocationReason, SerialNumber};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::{AOKI, CREDENTIAL, Nation, SATO, slug};

/// The upstream API as the operator sees it.
pub(crate) struct Upstream(Router);

impl Upstream {
    pub(crate) fn of(nation: &Nation) -> Self {
        Self(nation.world.upstream())
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, axum::http::HeaderMap, Vec<u8>) {
        let response = self.0.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"));
        let (status, _, body) = self.send(request.body(Body::empty()).unwrap()).await;
        (status, body)
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::post(path)
            .header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let (status, _, body) = self.send(request).await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub(crate) async fn lists(&self) -> Vec<Value> {
        let (status, body) = self.get("/upstream/v1/revocation-lists").await;
        assert_eq!(status, StatusCode::OK);
        serde_json::from_slice::<Value>(&body).unwrap()["lists"].as_array().unwrap().clone()
    }

    /// The reason under which a serial number stands on one of the authority's full lists.
    pub(crate) async fn revoked(&self, authority: &str, serial: &SerialNumber) -> Option<RevocationReason> {
        for list in self.lists().await.iter().filter(|list| list["authority"] == authority) {
            let (status, der) = self.get(list["path"].as_str().unwrap()).await;
            assert_eq!(status, StatusCode::OK);
            let mut content = serial.as_be_bytes().to_vec();
            if content[0] & 0x80 != 0 {
                content.insert(0, 0);
            }
            let entry =
                [&[2, u8::try_from(content.len()).unwrap()], content.as_slice(), &[0x17, 0x0D]].concat();
            if let Some(at) = der.windows(entry.len()).position(|w| w == entry) {
                // After the UTCTime: SEQUENCE, SEQUENCE, OID, OCTET STRING, ENUMERATED.
                let reason = &der[at + entry.len() + 13..][..14];
                assert_eq!(reason[4..9], [6, 3, 0x55, 0x1D, 21]);
                return RevocationReason::from_code(reason[13]);
            }
        }
        None
    }
}

impl Upstream {
    /// The serial number of the counterpart.
    pub(crate) async fn counterpart(&self, authority: &str, serial: &SerialNumber) -> Option<SerialNumber> {
        let (status, body) = counterpart(self, authority, serial).await;
        (status == StatusCode::OK).then(|| serde_json::from_value(body["serial"].clone()).unwrap())
    }
}

async fn counterpart(upstream: &Upstream, authority: &str, serial: &SerialNumber) -> (StatusCode, Value) {
    upstream.post("/upstream/v1/correspondence", &json!({ "authority": authority, "serial": serial })).await
}

#[tokio::test]
async fn without_the_credential_nothing_is_answered_but_ocsp() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    for credential in [
        None,
        Some("Bearer wrong"),
        Some("Basic operator-credential"),
        Some("Bearer "),
        Some("bearer operator-credential"),
    ] {
        for path in
            ["/upstream/v1/revocation-lists", "/upstream/v1/revocation-lists/digital_signature/00/full.crl"]
        {
            let mut request = Request::get(path);
            if let Some(credential) = credential {
                request = request.header(header::AUTHORIZATION, credential);
            }
            let (status, headers, body) = upstream.send(request.body(Body::empty()).unwrap()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{credential:?}");
            assert_eq!(headers[header::WWW_AUTHENTICATE], "Bearer");
            assert_eq!(body, br#"{"code":"credential.wrong"}"#);
        }
    }
    for path in [
        "correspondence",
        "succession",
        "consents",
        "consents/withdrawals",
        "consents/cs_1/withdrawal",
        "latest-attributes",
    ] {
        let request = Request::post(format!("/upstream/v1/{path}")).body(Body::empty()).unwrap();
        assert_eq!(upstream.send(request).await.0, StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn an_unreachable_authority_answers_503_with_nothing_everywhere() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    nation.world.set_dials(Dials { authority_unreachable: true, publication_stopped: false }).await.unwrap();
    for path in ["/upstream/v1/revocation-lists", "/ocsp/digital_signature/AAAA", "/elsewhere"] {
        assert_eq!(upstream.get(path).await, (StatusCode::SERVICE_UNAVAILABLE, Vec::new()), "{path}");
    }
    let (status, _) = upstream.post("/upstream/v1/correspondence", &json!({})).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    nation.world.set_dials(Dials::default()).await.unwrap();
    assert_eq!(upstream.get("/upstream/v1/revocation-lists").await.0, StatusCode::OK);
}

#[tokio::test]
async fn malformed_requests_are_refused_by_their_kind() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    let send = async |content_type: &str, body: String| {
        let request = Request::post("/upstream/v1/succession")
            .header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"))
            .header(header::CONTENT_TYPE, content_type)
            .body(Body::from(body))
            .unwrap();
        upstream.send(request).await.0
    };
    let json = "application/json";
    assert_eq!(send("text/plain", "{}".into()).await, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send(json, " ".repeat(64 * 1024 + 1)).await, StatusCode::PAYLOAD_TOO_LARGE);
    for body in [
        "",
        "{}",
        "[]",
        r#"{"authority":"other","serial":"01"}"#,
        r#"{"authority":"digital_signature","serial":"xx"}"#,
        r#"{"authority":"digital_signature","serial":"01","more":1}"#,
    ] {
        assert_eq!(send(json, body.into()).await, StatusCode::BAD_REQUEST, "{body}");
    }
    for path in [
        "/",
        "/upstream/v1/none",
        "/upstream/v1/revocation-lists/other/00/full.crl",
        "/upstream/v1/revocation-lists/digital_signature/00/full.crl",
    ] {
        assert_eq!(upstream.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    let list = upstream.lists().await[0]["path"].as_str().unwrap().to_owned();
    for file in ["99999.crl", ".crl", "full", "full.der"] {
        assert_eq!(upstream.get(&list.replace("full.crl", file)).await.0, StatusCode::NOT_FOUND, "{file}");
    }
}

#[tokio::test]
async fn a_list_has_a_tag_and_is_not_sent_twice() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    let lists = upstream.lists().await;
    assert_eq!(lists.len(), 4, "one per authority and generation");
    let path = lists[0]["path"].as_str().unwrap();
    let request = |tag: Option<&str>| {
        let mut request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {CREDENTIAL}"));
        if let Some(tag) = tag {
            request = request.header(header::IF_NONE_MATCH, tag);
        }
        request.body(Body::empty()).unwrap()
    };
    let (status, headers, body) = upstream.send(request(None)).await;
    assert_eq!(
        (status, headers[header::CONTENT_TYPE].to_str().unwrap()),
        (StatusCode::OK, "application/pkix-crl")
    );
    assert!(!body.is_empty());
    let tag = headers[header::ETAG].to_str().unwrap();
    let (status, _, body) = upstream.send(request(Some(tag))).await;
    assert_eq!((status, body), (StatusCode::NOT_MODIFIED, Vec::new()));
    nation.world.publish_lists().await.unwrap();
    assert_eq!(upstream.send(request(Some(tag))).await.0, StatusCode::OK);
}

#[tokio::test]
async fn certificates_correspond_to_the_newest_of_the_other_authority() {
    for nation in Nation::everywhere().await {
        let upstream = Upstream::of(&nation);
        let card = nation.resident(AOKI).await.card;
        let (old, authentication) = (card.signature.unwrap().serial, card.authentication.unwrap().serial);
        let move_house = LifeEvent::Move { municipality: "13101".into(), address: "千代田1-1".into() };
        nation.world.live(&slug(AOKI), move_house).await.unwrap();
        let new = nation.signing_serial(AOKI).await;
        for serial in [&old, &new] {
            let expected = json!({ "authority": "user_authentication", "serial": authentication });
            assert_eq!(counterpart(&upstream, "digital_signature", serial).await, (StatusCode::OK, expected));
        }
        let expected = json!({ "authority": "digital_signature", "serial": new });
        assert_eq!(
            counterpart(&upstream, "user_authentication", &authentication).await,
            (StatusCode::OK, expected)
        );
    }
}

#[tokio::test]
async fn no_correspondence_for_a_childs_certificate_or_an_unknown_one() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    let child = nation.resident("takahashi-hinata").await.card.authentication.unwrap().serial;
    let none = (StatusCode::NOT_FOUND, json!({ "code": "correspondence.none" }));
    assert_eq!(counterpart(&upstream, "user_authentication", &child).await, none);
    assert_eq!(counterpart(&upstream, "digital_signature", &1.into()).await, none);
    assert_eq!(counterpart(&upstream, "digital_signature", &"0102030405".parse().unwrap()).await, none);
}

#[tokio::test]
async fn succession_lists_predecessors_newest_first_and_the_current_one() {
    for nation in Nation::everywhere().await {
        let upstream = Upstream::of(&nation);
        let ask = async |serial: &SerialNumber| {
            upstream
                .post(
                    "/upstream/v1/succession",
                    &json!({ "authority": "digital_signature", "serial": serial }),
                )
                .await
        };
        let first = nation.signing_serial(AOKI).await;
        nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
        let second = nation.signing_serial(AOKI).await;
        nation.world.live(&slug(AOKI), LifeEvent::Rename { name: "青山　美咲".into() }).await.unwrap();
        let third = nation.signing_serial(AOKI).await;
        let mut answer = ask(&first).await.1;
        let next_issued_at = answer["next_issued_at"].take();
        assert!(
            UnixTime::parse_rfc3339(next_issued_at.as_str().unwrap()).is_ok(),
            "when the second was issued"
        );
        assert_eq!(answer, json!({ "predecessors": [], "current": third, "next_issued_at": null }));
        assert_eq!(ask(&third).await.1, json!({ "predecessors": [second, first], "current": third }));
        let unknown = (StatusCode::NOT_FOUND, json!({ "code": "certificate.unknown" }));
        assert_eq!(ask(&1.into()).await, unknown);
    }
}

const DOCUMENT: &str = "最新の利用者情報の提供に同意します。\norigin: http://bank.localhost:8080\n";

async fn consent(nation: &Nation, id: &str, items: &[&str]) -> Value {
    let (certificate, signature) = nation.sign(AOKI, Sign, DOCUMENT.as_bytes()).await;
    json!({
        "consent_id": id, "service_id": "rp_1", "document": DOCUMENT, "items": items,
        "signature": STANDARD.encode(signature), "certificate": STANDARD.encode(certificate),
    })
}

#[tokio::test]
async fn a_consent_lets_the_new_address_through_once_there_is_one() {
    for nation in Nation::everywhere().await {
        let upstream = Upstream::of(&nation);
        let given = consent(&nation, "cs_1", &["address", "name"]).await;
        let (status, term) = upstream.post("/upstream/v1/consents", &given).await;
        assert_eq!(status, StatusCode::CREATED);
        // From 00:00 JST of the next day for ten years (facts §3.3); the consent is of 2026-04-01.
        assert_eq!(
            term,
            json!({ "valid_from": "2026-04-01T15:00:00Z", "valid_until": "2036-04-01T14:59:59Z" })
        );
        assert_eq!(upstream.post("/upstream/v1/consents", &given).await, (StatusCode::CREATED, term));

        let old = nation.signing_serial(AOKI).await;
        let ask = json!({ "consent_id": "cs_1", "service_id": "rp_1", "serial": old });
        let latest = "/upstream/v1/latest-attributes";
        let none_newer = (StatusCode::NOT_FOUND, json!({ "code": "latest_attributes.none_newer" }));
        assert_eq!(upstream.post(latest, &ask).await, none_newer);

        let event = LifeEvent::Move { municipality: "47201".into(), address: "泉崎1-1-1".into() };
        nation.world.live(&slug(AOKI), event).await.unwrap();
        let new = nation.signing_serial(AOKI).await;
        let (status, answer) = upstream.post(latest, &ask).await;
        assert_eq!(status, StatusCode::OK);
        let attributes = json!({ "name": "青木　美咲", "address": "沖縄県那覇市泉崎１－１－１" });
        assert_eq!(answer, json!({ "attributes": attributes, "serial": new, "fee_yen": 20 }));
        assert_eq!(nation.world.fees_yen().await.unwrap(), 20, "nothing was charged for the refusal");

        let no_consent = (StatusCode::FORBIDDEN, json!({ "code": "consent.none" }));
        for (member, value) in [
            ("consent_id", json!("cs_2")),
            ("service_id", json!("rp_2")),
            ("serial", json!(nation.signing_serial(SATO).await)),
        ] {
            let mut other = ask.clone();
            other[member] = value;
            assert_eq!(upstream.post(latest, &other).await, no_consent, "{member}");
        }
        nation.world.live(&slug(AOKI), LifeEvent::ReportLoss).await.unwrap();
        assert_eq!(upstream.post(latest, &ask).await, none_newer, "the newer certificate is on hold");
    }
}

#[tokio::test]
async fn a_withdrawn_or_outlived_consent_is_none() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    let given = consent(&nation, "cs_1", &["address"]).await;
    let old = nation.signing_serial(AOKI).await;
    let ask = json!({ "consent_id": "cs_1", "service_id": "rp_1", "serial": old });
    upstream.post("/upstream/v1/consents", &given).await;
    nation.world.live(&slug(AOKI), LifeEvent::Renew).await.unwrap();
    assert_eq!(upstream.post("/upstream/v1/latest-attributes", &ask).await.0, StatusCode::OK);
    let asked = |service: &str, since: &str| json!({ "service_id": service, "since": since });
    let withdrawals = "/upstream/v1/consents/withdrawals";
    let none = (StatusCode::OK, json!({ "withdrawals": [], "more": false }));
    assert_eq!(upstream.post(withdrawals, &asked("rp_1", "2026-01-01T00:00:00Z")).await, none);
    for _ in 0..2 {
        let (status, _) = upstream.post("/upstream/v1/consents/cs_1/withdrawal", &json!({})).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
    }
    let (_, told) = upstream.post(withdrawals, &asked("rp_1", "2026-01-01T00:00:00Z")).await;
    assert_eq!((&told["withdrawals"][0]["consent_id"], &told["more"]), (&json!("cs_1"), &json!(false)));
    let at = told["withdrawals"][0]["withdrawn_at"].as_str().unwrap();
    assert_eq!(upstream.post(withdrawals, &asked("rp_1", at)).await.1, told, "at that time or later");
    assert_eq!(upstream.post(withdrawals, &asked("rp_1", "2099-01-01T00:00:00Z")).await, none);
    assert_eq!(upstream.post(withdrawals, &asked("rp_2", "2026-01-01T00:00:00Z")).await, none);
    assert_eq!(
        upstream.post("/upstream/v1/consents", &given).await.0,
        StatusCode::CREATED,
        "the same answer again"
    );
    assert_eq!(
        upstream.post("/upstream/v1/latest-attributes", &ask).await.0,
        StatusCode::FORBIDDEN,
        "but no revival"
    );
    let (status, _) = upstream.post("/upstream/v1/consents/cs_9/withdrawal", &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_consent_needs_the_holders_good_signing_certificate_and_signature() {
    let nation = Nation::sqlite().await;
    let upstream = Upstream::of(&nation);
    let refused = (StatusCode::UNPROCESSABLE_ENTITY, json!({ "code": "consent.signature" }));
    let good = consent(&nation, "cs_1", &["address"]).await;
    let with = |member: &str, value: Value| {
        let mut changed = good.clone();
        changed[member] = value;
        changed
    };
    let other = STANDARD.encode(nation.certificate(SATO, Sign).await);
    let authentication = nation.sign(AOKI, Authenticate, DOCUMENT.as_bytes()).await;
    let mut wrong_kind = with("certificate", json!(STANDARD.encode(authentication.0)));
    wrong_kind["signature"] = json!(STANDARD.encode(authentication.1));
    let mut forged = good.clone();
    let (certificate, signature) = nation.sign("kageyama-so", Sign, DOCUMENT.as_bytes()).await;
    forged["certificate"] = json!(STANDARD.encode(certificate));
    forged["signature"] = json!(STANDARD.encode(signature));
    for (what, body) in [
        ("another document", with("document", json!("別の文書"))),
        ("another's certificate", with("certificate", json!(other))),
        ("no signature", with("signature", json!(""))),
        ("a user-authentication certificate", wrong_kind),
        ("a forged certificate", forged),
    ] {
        assert_eq!(upstream.post("/upstream/v1/consents", &body).await, refused, "{what}");
    }
    let malformed = (StatusCode::BAD_REQUEST, json!({ "code": "request.malformed" }));
    for (member, value) in [
        ("items", json!([])),
        ("items", json!(["address", "address"])),
        ("items", json!(["my_number"])),
        ("consent_id", json!("a b")),
        ("service_id", json!("")),
        ("signature", json!("%")),
    ] {
        assert_eq!(upstream.post("/upstream/v1/consents", &with(member, value)).await, malformed, "{member}");
    }
    assert_eq!(upstream.post("/upstream/v1/consents", &good).await.0, StatusCode::CREATED);
    let conflict = (StatusCode::CONFLICT, json!({ "code": "consent.conflict" }));
    assert_eq!(upstream.post("/upstream/v1/consents", &with("service_id", json!("rp_2"))).await, conflict);
    nation.world.live(&slug(AOKI), LifeEvent::ReportTheft).await.unwrap();
    assert_eq!(
        upstream.post("/upstream/v1/consents", &with("consent_id", json!("cs_2"))).await,
        refused,
        "a revoked certificate"
    );
}
