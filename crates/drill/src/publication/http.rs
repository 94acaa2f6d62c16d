//! Both ends of the drill over HTTP: an authority that serves lists from files, and a thousand receivers.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use musubi_feed::{Entry, Stream, VerifyingKey, open_entry};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What the authority has published.
#[derive(Debug, Clone, Default)]
pub(super) struct Shelf {
    /// As `GET /upstream/v1/revocation-lists` announces them.
    pub(super) announced: Vec<Value>,
}

/// The authority's gateway (`docs/spec/upstream.md`), as far as lists go.
#[derive(Clone)]
pub(super) struct Authority {
    pub(super) folder: PathBuf,
    pub(super) shelf: Arc<Mutex<Shelf>>,
}

impl Authority {
    pub(super) fn publish(&self, announced: Vec<Value>) {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).announced = announced;
    }

    pub(super) async fn serve(self) -> std::io::Result<SocketAddr> {
        let routes = Router::new()
            .route("/upstream/v1/revocation-lists", get(announced))
            .route("/upstream/v1/revocation-lists/{file}", get(list))
            .with_state(self);
        serve(routes).await
    }
}

async fn serve(routes: Router) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, routes).await });
    Ok(address)
}

async fn announced(State(authority): State<Authority>) -> Json<Value> {
    let shelf = authority.shelf.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Json(json!({ "lists": shelf.announced }))
}

async fn list(State(authority): State<Authority>, Path(file): Path<String>) -> Response {
    let known = file.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    let opened = if known { tokio::fs::File::open(authority.folder.join(file)).await.ok() } else { None };
    match opened {
        Some(file) => Body::from_stream(pieces(file)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A file in pieces of a megabyte.
fn pieces(file: tokio::fs::File) -> impl futures_util::Stream<Item = std::io::Result<Vec<u8>>> {
    futures_util::stream::try_unfold(file, |mut file| async move {
        use tokio::io::AsyncReadExt as _;
        let mut piece = vec![0; 1 << 20];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok((read > 0).then_some((piece, file)))
    })
}

/// One relying party's receiver: checks every entry's signature and chain, and notes when it came.
#[derive(Clone)]
pub(super) struct Receiver(Arc<Mutex<Received>>);

pub(super) struct Received {
    stream: Stream,
    keys: Vec<VerifyingKey>,
    challenge: String,
    last: musubi_feed::Position,
    /// When each new entry came.
    pub(super) at: Vec<Instant>,
    /// What did not follow.
    pub(super) wrong: u64,
    /// What came again.
    pub(super) again: u64,
}

impl Receiver {
    pub(super) fn of(stream: Stream, keys: Vec<VerifyingKey>) -> Self {
        let last = stream.start();
        let received =
            Received { stream, keys, challenge: String::new(), last, at: Vec::new(), wrong: 0, again: 0 };
        Self(Arc::new(Mutex::new(received)))
    }

    pub(super) fn with<T>(&self, look: impl FnOnce(&mut Received) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn show(&self, challenge: String) {
        self.with(|received| received.challenge = challenge);
    }

    pub(super) async fn serve(self) -> std::io::Result<SocketAddr> {
        let routes = Router::new()
            .route(musubi_stream::push::OWNERSHIP_PATH, get(ownership))
            .route("/events", post(receive))
            .with_state(self);
        serve(routes).await
    }
}

async fn ownership(State(receiver): State<Receiver>) -> String {
    receiver.with(|received| received.challenge.clone())
}

async fn receive(State(receiver): State<Receiver>, token: String) -> StatusCode {
    let now = Instant::now();
    receiver.with(|received| {
        match open_entry(&token, &received.stream, &received.keys) {
            Ok(Entry { position, previous, .. })
                if position.sequence == received.last.sequence + 1 && previous == received.last.hash =>
            {
                received.last = position;
                received.at.push(now);
            }
            Ok(Entry { position, .. }) if position.sequence <= received.last.sequence => received.again += 1,
            Ok(_) => received.wrong += 1,
            // A heartbeat is no entry.
            Err(_) if musubi_feed::open_heartbeat(&token, &received.stream, &received.keys).is_ok() => {}
            Err(_) => received.wrong += 1,
        }
    });
    StatusCode::ACCEPTED
}
