//! What is hostile is refused, one by one; and what a receiver on this machine sees.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post};

use super::{MAX_ANSWER, Outbound, OutboundError, OutboundUrl, Reach, UrlRefusal, is_public};

#[test]
fn an_address_that_is_not_surely_public_is_not() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "168.63.129.16",
        "169.254.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.192",
        "192.0.2.1",
        "192.31.196.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "192.175.48.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:8.8.8.8",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:10::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "4000::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "ff0e::1",
    ] {
        assert!(!is_public(address.parse().unwrap()), "{address}");
    }
    for address in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "126.255.255.255",
        "128.0.0.1",
        "168.63.129.17",
        "169.253.255.255",
        "172.15.255.255",
        "172.32.0.1",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "2001:200::1",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "64:ff9b::8.8.8.8",
    ] {
        assert!(is_public(address.parse().unwrap()), "{address}");
    }
}

#[test]
fn a_url_that_could_lead_inside_is_refused_before_any_name_is_looked_up() {
    use UrlRefusal::{Credentials, Host, Malformed, Port, Scheme};
    let long = format!("https://bank.example/{}", "a".repeat(2048));
    for (url, why) in [
        ("", Malformed),
        ("bank.example/events", Malformed),
        ("//bank.example/events", Malformed),
        ("https://", Malformed),
        (long.as_str(), Malformed),
        ("https://bank.example/#x", Malformed),
        (" https://bank.example/", Malformed),
        ("https://bank.example/\r\nHost: inside", Malformed),
        ("https://bank.example\\@inside.example/", Malformed),
        ("https://１２７.0.0.1/", Malformed),
        ("https://127。0。0。1/", Malformed),
        ("http://bank.example/", Scheme),
        ("ftp://bank.example/", Scheme),
        ("file:///etc/passwd", Scheme),
        ("gopher://bank.example/", Scheme),
        ("unix:/run/docker.sock", Scheme),
        ("data:text/plain,x", Scheme),
        ("http://127.0.0.1/", Scheme),
        ("https://user@bank.example/", Credentials),
        ("https://user:pass@bank.example/", Credentials),
        ("https://bank.example@127.0.0.1/", Credentials),
        ("https://:pass@bank.example/", Credentials),
        ("https://127.0.0.1/", Host),
        ("https://127.1/", Host),
        ("https://0/", Host),
        ("https://2130706433/", Host),
        ("https://0x7f000001/", Host),
        ("https://0x7f.1/", Host),
        ("https://0177.0.0.1/", Host),
        ("https://017700000001/", Host),
        ("https://%31%32%37.0.0.1/", Host),
        ("https://127.0.0.1./", Host),
        ("https://169.254.169.254/latest/meta-data/", Host),
        ("https://8.8.8.8/", Host),
        ("https://[::1]/", Host),
        ("https://[::]/", Host),
        ("https://[::ffff:127.0.0.1]/", Host),
        ("https://[::ffff:7f00:1]/", Host),
        ("https://[64:ff9b::7f00:1]/", Host),
        ("https://[2002:7f00:1::]/", Host),
        ("https://[fd00:ec2::254]/", Host),
        ("https://[fe80::1]/", Host),
        ("https://localhost/", Host),
        ("https://LOCALHOST/", Host),
        ("https://localhost./", Host),
        ("https://bank.localhost/", Host),
        ("https://intranet/", Host),
        ("https://metadata/", Host),
        ("https://metadata.google.internal/", Host),
        ("https://printer.local/", Host),
        ("https://router.lan/", Host),
        ("https://router.home.arpa/", Host),
        ("https://vault.corp/", Host),
        ("https://db.svc.cluster.local/", Host),
        ("https://1.0.0.127.in-addr.arpa/", Host),
        ("https://hidden.onion/", Host),
        ("https://bank.example:22/", Port),
        ("https://bank.example:25/", Port),
        ("https://bank.example:80/", Port),
        ("https://bank.example:2375/", Port),
        ("https://bank.example:5432/", Port),
        ("https://bank.example:6379/", Port),
        ("https://bank.example:0/", Port),
    ] {
        assert_eq!(OutboundUrl::parse(url, Reach::PublicOnly).unwrap_err(), why, "{url}");
    }
    for url in [
        "https://bank.example/events",
        "https://bank.example:443/",
        "https://bank.example:8443/events?tenant=1",
        "https://xn--fiq228c.jp/",
        "https://hooks.bank.co.jp./x",
    ] {
        assert!(OutboundUrl::parse(url, Reach::PublicOnly).is_ok(), "{url}");
    }
}

#[test]
fn the_switch_for_tests_opens_loopback_and_nothing_else_that_is_private() {
    let reach = Reach::LoopbackTooForTests;
    for url in
        ["http://127.0.0.1:4711/x", "http://bank.localhost:1/", "http://[::1]:80/", "http://localhost/"]
    {
        assert!(OutboundUrl::parse(url, reach).is_ok(), "{url}");
    }
    for url in [
        "http://10.0.0.1/",
        "http://192.168.1.1/",
        "http://169.254.169.254/",
        "http://bank.example/",
        "http://user@127.0.0.1/",
        "ftp://127.0.0.1/",
        "https://10.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
    ] {
        assert!(OutboundUrl::parse(url, reach).is_err(), "{url}");
    }
}

async fn served(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn outbound() -> Outbound {
    Outbound::new(Reach::LoopbackTooForTests, Duration::from_secs(5))
}

#[tokio::test]
async fn a_literal_address_is_refused_at_the_moment_of_sending_too() {
    let origin = served(Router::new().route("/", get(async || "inside"))).await;
    assert_eq!(outbound().get(&origin).await.unwrap().body, b"inside");
    let production = Outbound::new(Reach::PublicOnly, Duration::from_secs(5));
    assert_eq!(production.get(&origin).await, Err(OutboundError::Url));
    let secure = origin.replace("http://", "https://");
    assert_eq!(production.post(&secure, HeaderMap::new(), String::new()).await, Err(OutboundError::Url));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let there = served(Router::new().route("/", get(async || "inside"))).await;
    let moved = move || {
        let there = there.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, there)]) }
    };
    let origin = served(Router::new().route("/", get(moved.clone()).post(moved))).await;
    assert_eq!(outbound().get(&origin).await.unwrap().status, 307);
    assert_eq!(outbound().post(&origin, HeaderMap::new(), "x".into()).await.unwrap().status, 307);
}

#[tokio::test]
async fn an_endless_answer_is_cut_and_a_wait_is_bounded() {
    let endless = async || {
        let chunk: Result<Vec<u8>, std::io::Error> = Ok(vec![b'x'; 4096]);
        let stream = futures_util::stream::repeat_with(move || {
            Ok::<_, std::io::Error>(chunk.as_ref().unwrap().clone())
        });
        ([(header::RETRY_AFTER, "99999999")], axum::body::Body::from_stream(stream))
    };
    let origin = served(Router::new().route("/", post(endless))).await;
    let answer = outbound().post(&origin, HeaderMap::new(), String::new()).await.unwrap();
    assert_eq!((answer.status, answer.body.len(), answer.retry_after), (200, MAX_ANSWER, Some(3600)));
}

#[tokio::test]
async fn a_status_counts_although_the_body_never_ends_or_breaks_off() {
    for (head, rest) in
        [("content-length: 1000\r\n\r\n", "cut"), ("transfer-encoding: chunked\r\n\r\n", "zz\r\n")]
    {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let held = tokio::spawn(async move {
            use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
            let (mut socket, _) = listener.accept().await.unwrap();
            let _request = socket.read(&mut [0; 1024]).await.unwrap();
            socket.write_all(format!("HTTP/1.1 202 Accepted\r\n{head}{rest}").as_bytes()).await.unwrap();
            socket
        });
        let impatient = Outbound::new(Reach::LoopbackTooForTests, Duration::from_secs(1));
        assert_eq!(impatient.get(&origin).await.unwrap().status, 202);
        drop(held.await);
    }
}

#[tokio::test]
async fn silence_garbage_and_a_closed_port_have_their_own_words() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let impatient = Outbound::new(Reach::LoopbackTooForTests, Duration::from_millis(50));
    assert_eq!(impatient.get(&silent).await, Err(OutboundError::TimedOut));
    drop(listener);
    assert_eq!(outbound().get(&silent).await, Err(OutboundError::Connect));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let garbage = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt as _;
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    });
    assert_eq!(outbound().get(&garbage).await, Err(OutboundError::Broken));
}
