//! What stands before every route.

use axum::http::{HeaderMap, Request, StatusCode};
use musubi_agent::serve::PAIRING_HEADER;
use serde_json::json;

use super::station::{AT, BANK, HOST, OWN, Station, own, read};

const POSTS: [&str; 7] = [
    "/pair",
    "/manage/state",
    "/manage/forget-site",
    "/manage/forget-browser",
    "/window/state",
    "/window/approve",
    "/window/answer",
];
const PAGES: [&str; 6] =
    ["/", "/window", "/assets/serve-home.js", "/assets/card-window.js", "/assets/musubi.css", "/nothing"];

fn cors_headers(headers: &HeaderMap) -> Vec<String> {
    let names = headers.keys().map(|name| name.as_str());
    names.filter(|name| name.starts_with("access-control-")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_name_that_was_made_to_lead_here_is_refused_on_every_route() {
    let station = Station::new();
    for host in [
        "rebound.example",
        "rebound.example:24817",
        "localhost:24817",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:248170",
        "127.0.0.1:24817.rebound.example",
        "127.0.0.1.:24817",
        "127.1:24817",
        "[::1]:24817",
        "0.0.0.0:24817",
        "a@127.0.0.1:24817",
        "",
    ] {
        for path in PAGES.into_iter().chain(["/status"]) {
            let response = station.send(Request::get(path).header("host", host), "").await;
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host} {path}");
            assert_eq!(read(response).await["code"], "host.unknown");
        }
        for path in POSTS {
            let request = Request::post(path).header("host", host).header("sec-fetch-site", "same-origin");
            let response = station.send(request.header("content-type", "application/json"), "{}").await;
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host} {path}");
        }
    }
    let twice = Request::get("/").header("host", HOST).header("host", "rebound.example");
    assert_eq!(station.send(twice, "").await.status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(station.send(Request::get("/"), "").await.status(), StatusCode::MISDIRECTED_REQUEST);
    let absolute = Request::get("http://rebound.example/").header("host", HOST);
    assert_eq!(station.send(absolute, "").await.status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(station.send(Request::get("/").header("host", HOST), "").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn no_page_elsewhere_posts_here_even_one_that_is_approved_and_knows_the_secret() {
    let station = Station::new();
    let secret = station.ready().await;
    let touched = station.touched();
    let foreign: [&[(&str, &str)]; 10] = [
        &[],
        &[("origin", "https://random.example")],
        &[("origin", BANK)],
        &[("origin", "null")],
        &[("origin", "http://127.0.0.1:24818")],
        &[("origin", "http://localhost:24817")],
        &[("sec-fetch-site", "cross-site"), ("origin", OWN)],
        &[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:3000")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "same-origin"), ("origin", BANK)],
    ];
    for headers in foreign {
        for path in POSTS {
            for kind in ["application/json", "text/plain"] {
                let mut request = Request::post(path).header("host", HOST).header("content-type", kind);
                request = request.header(PAIRING_HEADER, &secret);
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                let body = json!({ "code": station.code(), "origin": BANK }).to_string();
                let response = station.send(request, body).await;
                assert_eq!(response.status(), StatusCode::FORBIDDEN, "{path} {headers:?}");
                assert!(cors_headers(response.headers()).is_empty());
                assert_eq!(read(response).await["code"], "request.cross_site");
            }
        }
    }
    assert_eq!(station.touched(), touched);
    assert_eq!(station.codes_shown(), 2, "no code was used up");
    assert!(station.register.is_approved(BANK).unwrap());
    for method in ["PUT", "DELETE", "PATCH", "CONNECT"] {
        let request = Request::builder().method(method).uri("/pair").header("host", HOST);
        assert_eq!(station.send(request, "").await.status(), StatusCode::FORBIDDEN, "{method}");
    }
}

#[tokio::test]
async fn another_page_loads_nothing_from_here_but_may_open_a_window() {
    let station = Station::new();
    let load = async |path: &str, site: &str, mode: &str, dest: &str| {
        let request = Request::get(path).header("host", HOST).header("sec-fetch-site", site);
        let request = request.header("sec-fetch-mode", mode).header("sec-fetch-dest", dest);
        station.send(request, "").await.status()
    };
    for path in PAGES {
        for site in ["cross-site", "same-site"] {
            for (mode, dest) in [
                ("no-cors", "script"),
                ("no-cors", "image"),
                ("no-cors", "style"),
                ("cors", "empty"),
                ("navigate", "iframe"),
                ("navigate", "object"),
                ("websocket", "websocket"),
            ] {
                assert_eq!(load(path, site, mode, dest).await, StatusCode::FORBIDDEN, "{path} {mode} {dest}");
            }
        }
    }
    for path in ["/", "/window"] {
        assert_eq!(load(path, "cross-site", "navigate", "document").await, StatusCode::OK, "{path}");
        assert_eq!(load(path, "none", "navigate", "document").await, StatusCode::OK, "{path}");
    }
    assert_eq!(load("/assets/card-window.js", "same-origin", "no-cors", "script").await, StatusCode::OK);
}

#[tokio::test]
async fn only_a_get_of_the_status_by_an_approved_site_passes_a_preflight() {
    let station = Station::new();
    station.register.approve(BANK, AT).unwrap();
    let ask = async |path: &str, origin: Option<&str>, method: &str, more: &[(&str, &str)]| {
        let mut request = Request::builder().method("OPTIONS").uri(path).header("host", HOST);
        request =
            request.header("access-control-request-method", method).header("sec-fetch-site", "cross-site");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let response = station.send(request, "").await;
        (response.status(), response.headers().clone())
    };
    const PRIVATE: (&str, &str) = ("access-control-request-private-network", "true");
    const LOCAL: (&str, &str) = ("access-control-request-local-network", "true");

    let (status, headers) = ask("/status", Some(BANK), "GET", &[PRIVATE]).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(headers["access-control-allow-origin"], BANK);
    assert_eq!(headers["access-control-allow-private-network"], "true");
    assert_eq!(headers["access-control-max-age"], "0");
    assert!(headers.get_all("vary").iter().any(|vary| vary == "Origin"));
    assert!(!headers.contains_key("access-control-allow-local-network"));
    assert!(!headers.contains_key("access-control-allow-credentials"));
    let (_, headers) = ask("/status", Some(BANK), "GET", &[LOCAL]).await;
    assert_eq!(headers["access-control-allow-local-network"], "true");
    let (_, headers) = ask("/status", Some(BANK), "GET", &[]).await;
    assert!(!headers.contains_key("access-control-allow-private-network"), "it was not asked");

    let header = ("access-control-request-headers", "musubi-pairing");
    let mut refused = vec![
        ask("/status", Some("https://random.example"), "GET", &[PRIVATE]).await,
        ask("/status", Some("https://bank.example.random.example"), "GET", &[PRIVATE]).await,
        ask("/status", Some("http://bank.example"), "GET", &[PRIVATE]).await,
        ask("/status", Some("null"), "GET", &[PRIVATE]).await,
        ask("/status", None, "GET", &[PRIVATE]).await,
        ask("/status", Some(BANK), "POST", &[PRIVATE]).await,
        ask("/status", Some(BANK), "GET", &[PRIVATE, header]).await,
        ask("/status/", Some(BANK), "GET", &[PRIVATE]).await,
        ask("/status", Some(BANK), "GET", &[PRIVATE, ("origin", "https://random.example")]).await,
    ];
    for path in POSTS.into_iter().chain(PAGES) {
        refused.push(ask(path, Some(BANK), "POST", &[PRIVATE]).await);
        refused.push(ask(path, Some(BANK), "GET", &[PRIVATE]).await);
    }
    for (status, headers) in refused {
        assert_eq!(status, StatusCode::FORBIDDEN);
        assert!(cors_headers(&headers).is_empty());
    }
}

#[tokio::test]
async fn the_status_is_for_approved_sites_until_they_are_forgotten() {
    let station = Station::new();
    station.register.approve(BANK, AT).unwrap();
    let ask = async |origin: Option<&str>| {
        let mut request = Request::get("/status").header("host", HOST);
        if let Some(origin) = origin {
            request = request.header("origin", origin).header("sec-fetch-site", "cross-site");
        }
        station.send(request, "").await
    };
    let told = ask(Some(BANK)).await;
    assert_eq!(told.status(), StatusCode::OK);
    assert_eq!(told.headers()["access-control-allow-origin"], BANK);
    assert_eq!(read(told).await, json!({ "musubi_agent": env!("CARGO_PKG_VERSION") }));
    for stranger in ["https://random.example", "null"] {
        let refused = ask(Some(stranger)).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        assert!(cors_headers(refused.headers()).is_empty());
        assert!(!read(refused).await.to_string().contains(env!("CARGO_PKG_VERSION")));
    }
    let own = ask(None).await;
    assert_eq!(own.status(), StatusCode::OK);
    assert!(cors_headers(own.headers()).is_empty());
    station.register.forget_site(BANK).unwrap();
    assert_eq!(ask(Some(BANK)).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(station.touched(), 0);
}

#[tokio::test]
async fn no_other_route_can_be_read_elsewhere_nor_framed_nor_kept() {
    let station = Station::new();
    station.ready().await;
    for path in PAGES.into_iter().chain(["/status"]) {
        let navigated = Request::get(path).header("host", HOST).header("origin", BANK);
        let response = station.send(navigated, "").await;
        let headers = response.headers();
        assert_eq!(cors_headers(headers).is_empty(), path != "/status", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["cross-origin-resource-policy"], "same-origin", "{path}");
        let cached = headers["cache-control"].to_str().unwrap();
        let kept = path.starts_with("/assets/");
        assert_eq!(cached, if kept { "no-cache" } else { "no-store" }, "{path}");
        let opener = headers.get("cross-origin-opener-policy").is_some_and(|policy| policy == "same-origin");
        assert_eq!(opener, path != "/window", "the card window alone answers its opener");
    }
    for path in POSTS {
        let request = own(Request::post(path)).header("content-type", "application/json");
        let response = station.send(request, "{}").await;
        assert!(cors_headers(response.headers()).is_empty(), "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
    }
}
