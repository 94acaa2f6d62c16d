//! The one HTTP client: for a relying party that calls the platform, for the platform that calls upstream.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// A client that gives up after `timeout`, uses no proxy and follows no redirect (an answer from elsewhere is
/// not the answer of whom we asked). `localhost` and `*.localhost` are 127.0.0.1 (RFC 6761, 6.3): not every
/// system's resolver knows the second.
///
/// # Panics
/// If the TLS library cannot start; made once, when the process starts.
#[must_use]
#[allow(clippy::expect_used, reason = "a process without TLS must not start")]
pub fn http_client(timeout: Duration) -> reqwest::Client {
    reqwest::Client::builder()
        .timeout(timeout)
        .connect_timeout(timeout.min(Duration::from_secs(5)))
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(LocalhostFirst))
        .user_agent(concat!("musubi/", env!("CARGO_PKG_VERSION")))
        .build()
        .expect("the TLS library starts")
}

#[derive(Debug)]
struct LocalhostFirst;

impl Resolve for LocalhostFirst {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().trim_end_matches('.').to_ascii_lowercase();
            let found: Vec<SocketAddr> = if host == "localhost" || host.ends_with(".localhost") {
                vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))]
            } else {
                tokio::net::lookup_host((host, 0)).await?.collect()
            };
            Ok::<Addrs, _>(Box::new(found.into_iter()))
        })
    }
}
