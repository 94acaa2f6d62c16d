//! The window's page, and who may post to its routes.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use musubi_connector::{CardChoice, Demo, PROBLEMS, WindowConfig};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::reader::*;

const SCRIPT: &str = include_str!("../../assets/card-window.js");

fn demo() -> WindowConfig {
    let start = "http://localhost:8080".to_owned();
    WindowConfig { demo: Some(Demo { pin: "4711", password: "GIVEN1", start }) }
}

async fn get(reader: &TestReader, config: WindowConfig, uri: &str) -> (HeaderMap, String) {
    let request = Request::get(uri).body(Body::empty()).unwrap();
    let response = reader.serve(config).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{uri}");
    let headers = response.headers().clone();
    let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
    (headers, String::from_utf8(bytes).unwrap())
}

fn settings(page: &str) -> Value {
    let settings = page.split("id=\"window-settings\">").nth(1).unwrap().split("</script>").next().unwrap();
    serde_json::from_str(settings).unwrap()
}

#[tokio::test]
async fn no_other_site_and_no_program_without_a_browser_posts_to_the_window() {
    let reader = TestReader::with(Kind::Adult);
    for path in ["/window/state", "/window/approve", "/window/answer"] {
        for (name, value) in [
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
            ("sec-fetch-site", "none"),
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("x-nothing", "1"),
        ] {
            let request = Request::post(path)
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::HOST, "127.0.0.1:24817")
                .header(name, value)
                .body(Body::from(with_pin(authenticate(), PIN).to_string()))
                .unwrap();
            let response = reader.serve(WindowConfig::default()).oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {name}: {value}");
            assert!(response.headers().get("access-control-allow-origin").is_none());
        }
    }
    assert_eq!((reader.touched(), reader.approved().len()), (0, 0));
}

#[tokio::test]
async fn a_form_cannot_speak_for_the_script() {
    let reader = TestReader::with(Kind::Adult);
    let request = Request::post("/window/answer")
        .header(header::CONTENT_TYPE, "text/plain")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(with_pin(authenticate(), PIN).to_string()))
        .unwrap();
    let response = reader.serve(WindowConfig::default()).oneshot(request).await.unwrap();
    assert_eq!((response.status(), reader.touched()), (StatusCode::UNSUPPORTED_MEDIA_TYPE, 0));
}

#[tokio::test]
async fn the_page_is_not_framed_runs_no_inline_script_and_touches_no_card() {
    let reader = TestReader::with(Kind::Adult);
    let (headers, page) = get(&reader, WindowConfig::default(), "/window?lang=ja").await;
    assert_eq!(headers["x-frame-options"], "DENY");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert_eq!(headers["cache-control"], "no-store");
    for script in page.split("<script").skip(1) {
        assert!(
            script.starts_with(" type=\"application/json\"")
                || script.contains("src=\"/assets/card-window.js\"")
        );
    }
    assert_eq!(reader.touched(), 0);
}

#[tokio::test]
async fn only_the_simulated_nation_fills_in_pins_and_offers_cards() {
    let choice = CardChoice {
        id: "insert-nobody".to_owned(),
        label: "<Nobody's> card".to_owned(),
        action: "/insert",
        fields: vec![("resident", "nobody".to_owned())],
    };
    let (_, page) = get(&TestReader::with(Kind::Adult), WindowConfig::default(), "/window?lang=en").await;
    for text in ["fill-pin", "4711", "card-choices", "no-opener-demo"] {
        assert!(!page.contains(text), "{text}");
    }
    assert_eq!(settings(&page)["demo"], Value::Null);
    assert!(page.contains("blocked-kiosk"));
    let reader = TestReader::with(Kind::Adult).offering(choice);
    let (_, page) = get(&reader, demo(), "/window?lang=en").await;
    assert!(page.contains("id=\"fill-pin\"") && page.contains("id=\"insert-nobody\""));
    assert!(page.contains("name=\"resident\" value=\"nobody\"") && !page.contains("<Nobody's>"));
    assert_eq!(settings(&page)["demo"]["pin"], "4711");
}

#[tokio::test]
async fn the_script_finds_its_elements_states_and_texts_in_both_languages() {
    for (config, lang) in [(demo(), "ja"), (WindowConfig::default(), "en")] {
        let reader = TestReader::with(Kind::Adult);
        let (_, page) = get(&reader, config, &format!("/window?lang={lang}")).await;
        let ids = SCRIPT.split(" element(\"").skip(1).chain(SCRIPT.split("(element(\"").skip(1));
        for id in ids.filter_map(|rest| rest.split_once('"').map(|(id, _)| id)) {
            assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
        }
        let states: BTreeSet<_> = page
            .split("data-state=\"")
            .skip(1)
            .filter_map(|rest| rest.split_once('"').map(|(id, _)| id))
            .collect();
        assert_eq!(states.len(), 11);
        for state in states {
            assert!(SCRIPT.contains(&format!("\"{state}\"")), "{state}");
        }
        let texts = &settings(&page)["texts"];
        for operation in ["authenticate", "sign_document", "read_attributes", "prove_presence"] {
            assert!(texts["operations"][operation]["submit"].is_string(), "{operation}");
        }
        for condition in texts["conditions"].as_object().unwrap().values() {
            for part in ["title", "what", "next"] {
                let text = condition[part].as_str().unwrap();
                assert!(!text.is_empty() && !text.starts_with("window."), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn the_script_knows_every_code_that_the_server_answers() {
    let request = include_str!("../../assets/card-request.js");
    for kind in PROBLEMS {
        let code = kind.code.as_str();
        assert!(SCRIPT.contains(code) || request.contains(code), "{code}");
    }
    for (path, body) in [("/assets/card-window.js", SCRIPT), ("/assets/card-request.js", request)] {
        let (headers, served) = get(&TestReader::with(Kind::Adult), WindowConfig::default(), path).await;
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/javascript"));
        assert_eq!(served, body);
    }
}
