//! Receivers: real servers on this machine, of a conduct that a test chooses, and what a receiver of good conduct does with
//! what it gets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use musubi_feed::{Position, Stream, VerifyingKey, open_entry};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a receiver does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conduct {
    /// Takes it and says so.
    Accept,
    /// Says so before it has read a byte, and reads none.
    AcceptUnread,
    /// Takes it, and the answer's body breaks off.
    AcceptCut,
    /// Takes it, and the connection breaks before the answer.
    TakeAndVanish,
    /// Takes it, and never answers.
    TakeAndHold,
    /// Never answers.
    Silent,
    /// Answers with this status and says no more.
    Status(u16),
    /// 429 or 503 with `Retry-After`.
    Busy(u16, u32),
    /// 400 with the error code of RFC 8935.
    Error(&'static str),
    /// 302 to another place.
    Redirect,
}

/// A request as the receiver got it.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Got {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn is_heartbeat(&self) -> bool {
        self.sequence().is_none()
    }

    /// The number of the pushed token; `None` of a heartbeat.
    pub(crate) fn sequence(&self) -> Option<u64> {
        use base64::Engine as _;
        let claims = self.body.split('.').nth(1)?;
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims).ok()?;
        let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
        claims["musubi_chain"]["sequence"].as_u64()
    }
}

type Choice = dyn Fn(&Got) -> Conduct + Send + Sync;

#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) origin: String,
    shown: Arc<Mutex<String>>,
    got: Arc<Mutex<Vec<Got>>>,
    changed: Arc<tokio::sync::Notify>,
}

impl Receiver {
    /// A receiver that treats each request as `choice` says.
    pub(crate) async fn start(choice: impl Fn(&Got) -> Conduct + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let receiver = Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            shown: Arc::default(),
            got: Arc::default(),
            changed: Arc::default(),
        };
        let (shown, own, choice): (_, _, Arc<Choice>) =
            (receiver.shown.clone(), receiver.clone(), Arc::new(choice));
        let router = Router::new()
            .route("/.well-known/musubi-receiver", get(async move || shown.lock().unwrap().clone()))
            .route(
                "/events",
                post(async move |request: Request| own.receive(request, choice.as_ref()).await),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    /// One that accepts everything.
    pub(crate) async fn good() -> Self {
        Self::start(|_| Conduct::Accept).await
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/events", self.origin)
    }

    /// Shows a value at the well-known path, beside those that it shows already.
    pub(crate) fn show(&self, value: &str) {
        let mut shown = self.shown.lock().unwrap();
        shown.push_str(value);
        shown.push('\n');
    }

    /// What it took: bodies of requests that it accepted, or took before the connection broke.
    pub(crate) fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// The tokens of entries that it took, in the order of their coming.
    pub(crate) fn tokens(&self) -> Vec<String> {
        self.got().into_iter().filter(|got| !got.is_heartbeat()).map(|got| got.body).collect()
    }

    pub(crate) fn heartbeats(&self) -> Vec<String> {
        self.got().into_iter().filter(Got::is_heartbeat).map(|got| got.body).collect()
    }

    /// Returns when it has taken `n` requests.
    pub(crate) async fn has(&self, n: usize) {
        loop {
            let changed = self.changed.notified();
            if self.got.lock().unwrap().len() >= n {
                return;
            }
            changed.await;
        }
    }

    async fn receive(&self, request: Request, choice: &Choice) -> Response {
        let (parts, body) = request.into_parts();
        let read = async move { body.collect().await.map(http_body_util::Collected::to_bytes) };
        let mut got = Got { headers: parts.headers, body: String::new() };
        if choice(&got) == Conduct::AcceptUnread {
            return StatusCode::ACCEPTED.into_response();
        }
        let Ok(bytes) = read.await else { return StatusCode::BAD_REQUEST.into_response() };
        got.body = String::from_utf8(bytes.to_vec()).unwrap();
        let conduct = choice(&got);
        if matches!(
            conduct,
            Conduct::Accept | Conduct::AcceptCut | Conduct::TakeAndVanish | Conduct::TakeAndHold
        ) {
            self.got.lock().unwrap().push(got);
            self.changed.notify_waiters();
            self.changed.notify_one();
        }
        match conduct {
            Conduct::Accept | Conduct::AcceptUnread => StatusCode::ACCEPTED.into_response(),
            Conduct::AcceptCut => {
                let cut = futures_util::stream::iter([
                    Ok("half an ans"),
                    Err(std::io::Error::other("the connection breaks")),
                ]);
                (StatusCode::ACCEPTED, Body::from_stream(cut)).into_response()
            }
            // Ends the connection without an answer, and without the words of a panic.
            Conduct::TakeAndVanish => std::panic::resume_unwind(Box::new("vanished")),
            Conduct::Silent | Conduct::TakeAndHold => std::future::pending().await,
            Conduct::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            Conduct::Busy(status, wait) => {
                let wait = wait.to_string();
                (StatusCode::from_u16(status).unwrap(), [("retry-after", wait)]).into_response()
            }
            Conduct::Error(err) => {
                (StatusCode::BAD_REQUEST, axum::Json(json!({ "err": err, "description": "no" })))
                    .into_response()
            }
            Conduct::Redirect => (StatusCode::FOUND, [("location", "/elsewhere")]).into_response(),
        }
    }
}

/// A server that answers whatever it is asked with these bytes.
pub(crate) async fn speaking(bytes: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            // An answer before the question is no answer.
            let _request = socket.read(&mut [0; 1024]).await;
            drop(socket.write_all(bytes).await);
        }
    });
    origin
}

/// What became of a token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Applied,
    Again,
    Held,
}

/// A receiver's book: checks signature and chain, applies each number once and in order, holds back what comes early.
pub(crate) struct Book {
    stream: Stream,
    keys: Vec<VerifyingKey>,
    last: Position,
    hashes: BTreeMap<u64, [u8; 32]>,
    early: BTreeMap<u64, String>,
    pub(crate) applied: Vec<String>,
}

impl Book {
    pub(crate) fn new(stream: Stream, keys: Vec<VerifyingKey>) -> Self {
        let last = stream.start();
        Self { stream, keys, last, hashes: BTreeMap::new(), early: BTreeMap::new(), applied: Vec::new() }
    }

    pub(crate) fn take(&mut self, token: &str) -> Taken {
        let entry = open_entry(token, &self.stream, &self.keys).unwrap();
        let number = entry.position.sequence;
        if number <= self.last.sequence {
            assert_eq!(self.hashes[&number], entry.position.hash, "a fork at {number}");
            return Taken::Again;
        }
        if number > self.last.sequence + 1 {
            self.early.insert(number, token.to_owned());
            return Taken::Held;
        }
        assert_eq!(entry.previous, self.last.hash, "{number} does not follow");
        self.last = entry.position;
        self.hashes.insert(number, entry.position.hash);
        self.applied.push(token.to_owned());
        if let Some(next) = self.early.remove(&(number + 1)) {
            self.take(&next);
        }
        Taken::Applied
    }
}
