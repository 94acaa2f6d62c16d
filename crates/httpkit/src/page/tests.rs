use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::testing::locale_faults;
use super::*;

fn site() -> Router {
    async fn page(PageLang(lang): PageLang) -> MessagePage {
        MessagePage::of(Shell::new(Site::Bank, "A & B", lang), "<title>", lang.code(), "next")
    }
    let pages =
        Router::new().route("/", get(page)).route("/change", post(async || "changed")).merge(assets());
    secure_pages(pages)
}

async fn send(request: axum::http::request::Builder) -> Response {
    site().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |v| v.to_str().unwrap())
}

#[test]
fn both_languages_have_every_text_of_the_frame() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(locale_faults(&FRAME, "shell.t()", &root.join("templates")), [""; 0]);
    assert_eq!(locale_faults(&FRAME, "c", &root.join("templates")), [""; 0]);
    for key in ["cross_site.title", "cross_site.what", "cross_site.next"] {
        assert!(FRAME.has(key), "{key}");
    }
}

#[test]
fn every_refusal_of_the_card_window_that_the_script_can_name_has_a_text() {
    let template = include_str!("../../templates/card_status.html");
    let script = include_str!("../../assets/card-client.js");
    for said in script.split("say(\"").skip(1).filter_map(|rest| rest.split_once('"').map(|(key, _)| key)) {
        let attribute = format!("data-{}", said.trim_end_matches('-'));
        assert!(template.contains(&attribute), "{attribute}");
    }
}

#[test]
fn every_condition_in_which_the_card_window_gives_up_has_a_text() {
    let template = include_str!("../../templates/card_status.html");
    for code in [
        "card.cancelled",
        "card.none",
        "card.no_service",
        "card.no_reader",
        "card.removed",
        "card.in_use",
        "card.unresponsive",
        "card.wrong",
        "card.application_absent",
        "card.certificate_absent",
        "card.origin_mismatch",
        "pin.blocked",
        "pin.last_try",
        "request.malformed",
    ] {
        let attribute = format!("data-refusal-{}=\"", code.replace(['.', '_'], "-"));
        assert!(template.contains(&attribute), "{attribute}");
    }
}

#[tokio::test]
async fn a_page_runs_no_inline_code_and_cannot_be_framed_or_kept() {
    let response = send(Request::get("/")).await;
    let policy = header(&response, "content-security-policy");
    assert!(policy.contains("default-src 'self'") && policy.contains("frame-ancestors 'none'"));
    assert!(!policy.contains("unsafe-inline"));
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    assert_eq!(header(&response, "x-frame-options"), "DENY");
    assert_eq!(header(&response, "referrer-policy"), "same-origin");
    assert_eq!(header(&response, "cache-control"), "no-store");
    let page = text(response).await;
    assert!(!page.contains("style=\"") && !page.contains("onclick") && !page.contains("<style"));
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing comes from elsewhere");
}

#[tokio::test]
async fn what_a_page_shows_is_escaped() {
    let page = text(send(Request::get("/")).await).await;
    assert!(page.contains("&#60;title&#62;") && page.contains("A &#38; B") && !page.contains("<h1><title>"));
}

#[tokio::test]
async fn a_post_from_another_site_changes_nothing() {
    let host = |request: axum::http::request::Builder| request.header("host", "bank.localhost:8080");
    for foreign in [
        host(Request::post("/change")).header("sec-fetch-site", "cross-site"),
        host(Request::post("/change")).header("sec-fetch-site", "same-site"),
        host(Request::post("/change")).header("sec-fetch-site", "none"),
        // Fetch Metadata is the browser's own word: an Origin beside it does not help.
        host(Request::post("/change"))
            .header("sec-fetch-site", "same-site")
            .header("origin", "http://bank.localhost:8080"),
        host(Request::post("/change")).header("origin", "http://phish.localhost:8080"),
        host(Request::post("/change")).header("origin", "http://bank.localhost:9090"),
        host(Request::post("/change")).header("origin", "null"),
        host(Request::post("/change")),
        host(Request::delete("/change")).header("sec-fetch-site", "cross-site"),
    ] {
        let response = send(foreign).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(header(&response, "content-security-policy").contains("default-src 'self'"));
        assert!(text(response).await.contains("別のサイトから"));
    }
    for own in [
        host(Request::post("/change")).header("sec-fetch-site", "same-origin"),
        host(Request::post("/change")).header("origin", "http://bank.localhost:8080"),
    ] {
        assert_eq!(text(send(own).await).await, "changed");
    }
}

#[tokio::test]
async fn the_language_is_shown_remembered_and_switchable() {
    let response = send(Request::get("/?lang=en")).await;
    assert_eq!(header(&response, "set-cookie"), "lang=en; Path=/; Max-Age=31536000; SameSite=Lax");
    let page = text(response).await;
    assert!(page.contains("<html lang=\"en\">") && page.contains("href=\"?lang=ja\""));
    let response = send(Request::get("/").header("cookie", "lang=en")).await;
    assert_eq!(header(&response, "set-cookie"), "");
    assert!(text(response).await.contains("<html lang=\"en\">"));
    assert!(text(send(Request::get("/")).await).await.contains("<html lang=\"ja\">"));
}

#[tokio::test]
async fn an_asset_is_sent_once_and_confirmed_afterwards() {
    for (path, kind) in [
        ("/assets/tokens.css", "text/css; charset=utf-8"),
        ("/assets/musubi.css", "text/css; charset=utf-8"),
        ("/assets/card-client.js", "text/javascript; charset=utf-8"),
        ("/assets/live.js", "text/javascript; charset=utf-8"),
        ("/assets/musubi.svg", "image/svg+xml"),
    ] {
        let response = send(Request::get(path)).await;
        assert_eq!(header(&response, "content-type"), kind);
        assert_eq!(header(&response, "cache-control"), "no-cache");
        let tag = header(&response, "etag").to_owned();
        let again = send(Request::get(path).header("if-none-match", tag)).await;
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(text(again).await, "");
    }
    assert_eq!(send(Request::get("/assets/../Cargo.toml")).await.status(), StatusCode::NOT_FOUND);
}

#[test]
fn style_sheets_load_nothing_and_name_only_tokens_that_exist() {
    let (tokens, own) = (include_str!("../../assets/tokens.css"), include_str!("../../assets/musubi.css"));
    assert!(tokens.contains("@digital-go-jp/design-tokens 1.1.9") && tokens.contains("MIT License"));
    assert!(!own.contains("url(") && !own.contains("@import"));
    for name in own.split("var(").skip(1).filter_map(|rest| rest.split_once(')').map(|(name, _)| name)) {
        let defined = format!("{name}:");
        assert!(tokens.contains(&defined) || own.contains(&defined), "{name}");
    }
}
