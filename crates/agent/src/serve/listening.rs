//! Connections: how many there may be at once, and how long each may take to send the head of a request. A page elsewhere can
//! open connections without being able to say anything on them; it must not keep the holder's own window out for long.
//!
//! Knows no route. The time of a body and of an answer is bounded behind this (`finish_api`).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many and how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections at once; a browser opens six to one host. Further ones wait until one ends.
    pub(super) connections: usize,
    /// Longest wait for the whole head of a request, and for the next request on an open connection.
    pub(super) head: Duration,
    /// How long what is under way may take to end when the program is asked to.
    pub(super) farewell: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 64, head: Duration::from_secs(10), farewell: Duration::from_secs(5) }
    }
}

/// Pause after the system had no connection to give, for instance for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` until `stop`.
pub(super) async fn listen(
    listener: TcpListener,
    router: Router,
    bounds: Bounds,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    let ending = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let (stream, place) = tokio::select! {
            () = &mut stop => break,
            next = next(&listener, &places) => match next {
                Some(next) => next,
                None => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        let connection = ending.watch(connection);
        tokio::spawn(async move {
            // How it ended is the other side's business.
            drop(connection.await);
            drop(place);
        });
    }
    drop(listener);
    drop(tokio::time::timeout(bounds.farewell, ending.shutdown()).await);
}

/// The next connection, once there is a place for it.
async fn next(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    let (stream, _) = listener.accept().await.ok()?;
    Some((stream, place))
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n";

    async fn serving(bounds: Bounds) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        tokio::spawn(listen(listener, router, bounds, std::future::pending()));
        address
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut text = [0; 1024];
        let read = stream.read(&mut text).await.unwrap();
        String::from_utf8_lossy(&text[..read]).into_owned()
    }

    #[tokio::test]
    async fn who_sends_no_whole_head_in_time_is_hung_up_on() {
        let address = serving(Bounds { head: Duration::from_millis(20), ..Bounds::default() }).await;
        for sent in [&b""[..], b"GET / HTTP/1.1\r\nHost: he", REQUEST] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent).await.unwrap();
            let mut all = Vec::new();
            // Comes to an end, also where a request was answered and none follows.
            stream.read_to_end(&mut all).await.unwrap();
            assert_eq!(String::from_utf8_lossy(&all).starts_with("HTTP/1.1 200"), sent == REQUEST);
        }
    }

    #[tokio::test]
    async fn one_connection_too_many_waits_until_another_ends() {
        let address = serving(Bounds { connections: 1, ..Bounds::default() }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(REQUEST).await.unwrap();
        assert!(answer(&mut first).await.starts_with("HTTP/1.1 200"));
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(REQUEST).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(100), answer(&mut second)).await;
        assert!(early.is_err(), "{early:?}");
        drop(first);
        assert!(answer(&mut second).await.starts_with("HTTP/1.1 200"));
    }
}
