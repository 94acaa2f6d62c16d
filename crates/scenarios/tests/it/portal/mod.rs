//! The resident's portal through its router: who sees what, and everything that it refuses.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use musubi_nation::CardOperation;
use musubi_pki::ReasonCode;
use musubi_verification::entitlement_check::to_be_signed;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::api::fixture::{Fixture, fixtures};
use crate::api::flows::Signed;
use crate::api::presence_cards::{Key, presence_text, signed_by};

const ORIGIN: &str = "https://portal.example";
const ALL_ITEMS: &[&str] = &["name", "address", "date_of_birth", "sex"];

/// A browser: its cookies, and what it read last.
#[derive(Default)]
struct Visitor {
    cookies: Vec<(String, String)>,
}

struct Page {
    status: StatusCode,
    location: Option<String>,
    html: String,
    bytes: Vec<u8>,
}

impl Visitor {
    async fn send(&mut self, fixture: &Fixture, request: Request<Body>) -> Page {
        let (mut parts, body) = request.into_parts();
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            parts.headers.insert(header::COOKIE, cookies.join("; ").parse().unwrap());
        }
        let router = fixture.platform.portal();
        let response = router.oneshot(Request::from_parts(parts, body)).await.unwrap();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            let text = cookie.to_str().unwrap();
            assert!(text.contains("SameSite=Lax"), "{text}");
            let (name, value) = text.split(';').next().unwrap().split_once('=').unwrap();
            if name != "lang" {
                assert!(text.contains("HttpOnly") && text.contains("Secure"), "{text}");
            }
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        let status = response.status();
        let location = response.headers().get(header::LOCATION).map(|v| v.to_str().unwrap().to_owned());
        let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        let html = String::from_utf8_lossy(&bytes).into_owned();
        // As a reader sees it: English texts have apostrophes.
        Page { status, location, html: html.replace("&#39;", "'"), bytes }
    }

    async fn get(&mut self, fixture: &Fixture, path: &str) -> Page {
        self.send(
            fixture,
            Request::get(path).header(header::HOST, "portal.example").body(Body::empty()).unwrap(),
        )
        .await
    }

    async fn post(&mut self, fixture: &Fixture, path: &str, form: &str) -> Page {
        self.post_from(fixture, path, form, ORIGIN).await
    }

    async fn post_from(&mut self, fixture: &Fixture, path: &str, form: &str, origin: &str) -> Page {
        let request = Request::post(path)
            .header(header::HOST, "portal.example")
            .header(header::ORIGIN, origin)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned()))
            .unwrap();
        self.send(fixture, request).await
    }

    /// Begins a sign-in; answers its path and the card request.
    async fn begin(&mut self, fixture: &Fixture) -> (String, Value) {
        let started = self.post(fixture, "/sign-in", "").await;
        assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.html);
        let path = started.location.unwrap();
        let page = self.get(fixture, &path).await;
        let json = page.html.split("id=\"card-request\">").nth(1).unwrap().split("</script>").next().unwrap();
        (path, serde_json::from_str(json).unwrap())
    }

    async fn sign_in(&mut self, fixture: &Fixture, resident: &str) -> Page {
        let (path, request) = self.begin(fixture).await;
        let signed = answer(fixture, &request, resident, ORIGIN).await;
        self.post(fixture, &format!("{path}/complete"), &form(&signed, ORIGIN)).await
    }
}

async fn answer(fixture: &Fixture, request: &Value, resident: &str, origin: &str) -> Signed {
    let text = |path: &str| request.pointer(path).unwrap().as_str().unwrap().to_owned();
    let message = to_be_signed(origin, &text("/relying_party/id"), &text("/purpose"), &text("/nonce"));
    fixture.card(resident, CardOperation::Authenticate, &message).await
}

fn form(signed: &Signed, origin: &str) -> String {
    let escape =
        |text: &str| text.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D").replace(':', "%3A");
    format!(
        "certificate={}&signature={}&origin={}",
        escape(&signed.certificate),
        escape(&signed.signature),
        escape(origin)
    )
}

#[tokio::test]
async fn a_resident_sees_own_uses_links_and_consents_and_nobody_elses() {
    for fixture in fixtures().await {
        fixture.link(&fixture.bank, "c-1", "aoki-misaki", ALL_ITEMS).await;
        fixture.link(&fixture.clinic, "p-9", "sato-kenichi", &[]).await;
        let mut visitor = Visitor::default();
        let stranger = visitor.get(&fixture, "/").await;
        assert!(!stranger.html.contains("id=\"uses\"") && stranger.html.contains("id=\"sign-in\""));
        assert_eq!(visitor.sign_in(&fixture, "aoki-misaki").await.status, StatusCode::SEE_OTHER);
        let home = visitor.get(&fixture, "/").await;
        for shown in ["みほん銀行", "c-1", "本人確認の結果が出ました", "この同意を撤回する"]
        {
            assert!(home.html.contains(shown), "{}: {shown}", fixture.engine);
        }
        for hidden in ["みほん医院", "p-9"] {
            assert!(!home.html.contains(hidden), "{}: {hidden}", fixture.engine);
        }
        let linked = home.html.split("href=\"/uses/").skip(1).filter_map(|rest| rest.split('"').next());
        let (bundles, records): (Vec<&str>, Vec<&str>) = linked.partition(|path| path.ends_with("/bundle"));
        // The proofing and the sign-in to the portal.
        assert_eq!(bundles.len(), 2, "{}", fixture.engine);
        for path in &bundles {
            let bundle = visitor.get(&fixture, &format!("/uses/{path}")).await;
            assert!(fixture.replay(&bundle.bytes).unwrap().verdict.is_passed(), "{}", fixture.engine);
            let signed_out = Visitor::default().get(&fixture, &format!("/uses/{path}")).await;
            assert_eq!(signed_out.status, StatusCode::NOT_FOUND);
        }
        for index in &records {
            let record = visitor.get(&fixture, &format!("/uses/{index}")).await;
            assert!(record.html.contains("notice-success"), "the proof of record {index} fails");
        }
        // Every record that is not the resident's is not there, nor is one that does not exist.
        for index in 0..fixture.audited().await.len() + 2 {
            let expected = if records.contains(&index.to_string().as_str()) {
                StatusCode::OK
            } else {
                StatusCode::NOT_FOUND
            };
            assert_eq!(
                visitor.get(&fixture, &format!("/uses/{index}")).await.status,
                expected,
                "record {index}"
            );
            let bundle = visitor.get(&fixture, &format!("/uses/{index}/bundle")).await;
            let own = bundles.contains(&format!("{index}/bundle").as_str());
            let expected = if own { StatusCode::OK } else { StatusCode::NOT_FOUND };
            assert_eq!(bundle.status, expected, "bundle {index}");
        }
    }
}

#[tokio::test]
async fn a_withdrawn_consent_ends_the_provision_and_only_its_owner_can_withdraw() {
    for fixture in fixtures().await {
        fixture.link(&fixture.bank, "c-1", "aoki-misaki", ALL_ITEMS).await;
        let mut owner = Visitor::default();
        owner.sign_in(&fixture, "aoki-misaki").await;
        let home = owner.get(&fixture, "/").await;
        let id = home.html.split("action=\"/consents/").nth(1).unwrap().split('/').next().unwrap().to_owned();
        let withdraw = format!("/consents/{id}/withdraw");

        let mut other = Visitor::default();
        assert_eq!(other.post(&fixture, &withdraw, "").await.location.as_deref(), Some("/"));
        other.sign_in(&fixture, "sato-kenichi").await;
        assert_eq!(other.post(&fixture, &withdraw, "").await.status, StatusCode::NOT_FOUND);

        fixture.unreachable(true).await;
        assert_eq!(
            owner.post(&fixture, &withdraw, "").await.location.as_deref(),
            Some("/?notice=unreachable")
        );
        fixture.unreachable(false).await;
        for _ in 0..2 {
            assert_eq!(
                owner.post(&fixture, &withdraw, "").await.location.as_deref(),
                Some("/?notice=withdrawn")
            );
        }
        assert!(!owner.get(&fixture, "/").await.html.contains("/withdraw\""));
        fixture.moves("aoki-misaki").await;
        fixture.take_in().await;
        assert_eq!(fixture.latest(&fixture.bank, "c-1").await.code(), (403, "consent.none"));
    }
}

#[tokio::test]
async fn the_use_without_pin_is_ended_by_its_owner_from_this_page_alone() {
    for fixture in fixtures().await {
        fixture.enrol(&fixture.bank).await;
        let end = format!("/presence/{}/end", fixture.bank.id);
        let mut owner = Visitor::default();
        owner.sign_in(&fixture, "aoki-misaki").await;
        let shown = |home: &Page| home.html.contains(&format!("action=\"{end}\""));
        assert!(shown(&owner.get(&fixture, "/").await), "{}", fixture.engine);

        let mut other = Visitor::default();
        assert_eq!(
            other.post(&fixture, &end, "").await.location.as_deref(),
            Some("/"),
            "nobody is signed in"
        );
        other.sign_in(&fixture, "sato-kenichi").await;
        assert_eq!(other.post(&fixture, &end, "").await.status, StatusCode::NOT_FOUND);
        let before = fixture.counts().await;
        let foreign = owner.post_from(&fixture, &end, "", "https://evil.example").await;
        assert_eq!(foreign.status, StatusCode::FORBIDDEN);
        assert_eq!(owner.get(&fixture, &end).await.status, StatusCode::METHOD_NOT_ALLOWED);
        for wrong in ["/presence/rp_unknown/end", "/presence/%00/end"] {
            assert_eq!(owner.post(&fixture, wrong, "").await.status, StatusCode::NOT_FOUND, "{wrong}");
        }
        assert_eq!(fixture.counts().await, before);
        assert!(shown(&owner.get(&fixture, "/").await), "nothing of that ended it");

        let ended = owner.post(&fixture, &end, "").await;
        assert_eq!(ended.location.as_deref(), Some("/?notice=presence_ended"));
        let home = owner.get(&fixture, "/").await;
        assert!(!shown(&home) && home.html.contains("かざし利用）をやめました"));
        assert_eq!(owner.post(&fixture, &end, "").await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_card_that_is_held_out_opens_no_session() {
    let fixture = Fixture::on_sqlite().await;
    fixture.enrol(&fixture.bank).await;
    let mut visitor = Visitor::default();
    let (path, request) = visitor.begin(&fixture).await;
    let text = |path: &str| request.pointer(path).unwrap().as_str().unwrap().to_owned();
    let copy = answer(&fixture, &request, "aoki-misaki", "https://elsewhere.example").await.certificate;
    let held_out = presence_text(ORIGIN, &text("/relying_party/id"), &text("/nonce"), &copy);
    let signed = Signed { certificate: copy, signature: signed_by(Key::Card, &held_out) };
    let page = visitor.post(&fixture, &format!("{path}/complete"), &form(&signed, ORIGIN)).await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert!(page.html.contains("data-code=\"signature.tampered\""), "{}", page.html);
    assert!(!visitor.get(&fixture, "/").await.html.contains("id=\"uses\""));
}

#[tokio::test]
async fn a_card_that_is_not_good_opens_no_session_and_the_page_says_why_in_both_languages() {
    let fixture = Fixture::on_sqlite().await;
    for (resident, reason) in [
        ("furukawa-akira", ReasonCode::CertificateExpired),
        ("morita-tsuyoshi", ReasonCode::CertificateRevoked),
        ("okamoto-megumi", ReasonCode::CertificateHeld),
        ("kageyama-so", ReasonCode::CertificateOtherAuthority),
    ] {
        for (lang, text) in [("ja", reason.ja()), ("en", reason.en())] {
            let mut visitor = Visitor { cookies: vec![("lang".into(), lang.into())] };
            let page = visitor.sign_in(&fixture, resident).await;
            assert_eq!(page.status, StatusCode::FORBIDDEN, "{resident}");
            assert!(page.html.contains(&format!("data-code=\"{}\"", reason.code())), "{resident}");
            assert!(page.html.contains(text.what) && page.html.contains(text.next), "{resident}, {lang}");
            assert!(!visitor.get(&fixture, "/").await.html.contains("id=\"uses\""));
        }
    }
}

#[tokio::test]
async fn relayed_replayed_and_borrowed_sign_ins_are_refused() {
    let fixture = Fixture::on_sqlite().await;
    // Relayed: the card signed another origin.
    let mut visitor = Visitor::default();
    let (path, request) = visitor.begin(&fixture).await;
    let signed = answer(&fixture, &request, "aoki-misaki", "https://phish.example").await;
    let page =
        visitor.post(&fixture, &format!("{path}/complete"), &form(&signed, "https://phish.example")).await;
    assert!(page.html.contains("data-code=\"origin.wrong\""), "{}", page.html);
    // Replayed: the nonce is used up.
    let mut visitor = Visitor::default();
    let (path, request) = visitor.begin(&fixture).await;
    let signed = answer(&fixture, &request, "aoki-misaki", ORIGIN).await;
    let complete = format!("{path}/complete");
    let sign_in_cookie = visitor.cookies.clone();
    assert_eq!(visitor.post(&fixture, &complete, &form(&signed, ORIGIN)).await.status, StatusCode::SEE_OTHER);
    let mut thief = Visitor { cookies: sign_in_cookie };
    let page = thief.post(&fixture, &complete, &form(&signed, ORIGIN)).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.html.contains("data-code=\"nonce.replayed\""));
    // Borrowed: another browser began it.
    let (path, request) = Visitor::default().begin(&fixture).await;
    let signed = answer(&fixture, &request, "aoki-misaki", ORIGIN).await;
    let mut other = Visitor::default();
    let page = other.post(&fixture, &format!("{path}/complete"), &form(&signed, ORIGIN)).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    // From a page of another site, or garbage.
    let before = fixture.counts().await;
    let page = Visitor::default().post_from(&fixture, "/sign-in", "", "https://evil.example").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(fixture.counts().await, before, "nothing changed");
}

#[tokio::test]
async fn signing_out_ends_the_session_and_an_idle_one_ends_by_itself() {
    let fixture = Fixture::on_sqlite().await;
    let mut visitor = Visitor::default();
    visitor.sign_in(&fixture, "aoki-misaki").await;
    let cookies = visitor.cookies.clone();
    visitor.post(&fixture, "/sign-out", "").await;
    let mut thief = Visitor { cookies };
    assert!(!thief.get(&fixture, "/").await.html.contains("id=\"uses\""), "the old cookie still works");
    let mut visitor = Visitor::default();
    visitor.sign_in(&fixture, "aoki-misaki").await;
    fixture.advance(musubi_platform::session::MAX_IDLE).await;
    assert!(!visitor.get(&fixture, "/").await.html.contains("id=\"uses\""), "an idle session still works");
}

#[tokio::test]
async fn a_flood_of_sign_ins_is_slowed_down() {
    let fixture = Fixture::on_sqlite().await;
    let mut statuses = Vec::new();
    let router = fixture.platform.portal();
    for _ in 0..40 {
        let request = Request::post("/sign-in")
            .header(header::HOST, "portal.example")
            .header(header::ORIGIN, ORIGIN)
            .body(Body::empty())
            .unwrap();
        statuses.push(router.clone().oneshot(request).await.unwrap().status());
    }
    assert!(statuses.contains(&StatusCode::SEE_OTHER) && statuses.contains(&StatusCode::TOO_MANY_REQUESTS));
}
