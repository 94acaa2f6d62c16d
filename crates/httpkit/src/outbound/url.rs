//! Which URLs may be asked at all, before any name is looked up.

use ::url::{Host, Url};

use super::Reach;

/// Longest URL, in bytes.
pub const MAX_URL: usize = 2048;

/// The ports of `https` services on the public internet.
const PORTS: [u16; 2] = [443, 8443];

/// Last labels of names that no public DNS has, or that mean something inside of a network (RFC 6761, RFC 6762, RFC 8375,
/// RFC 9476, ICANN's `internal`).
const INNER_NAMES: [&str; 15] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "test",
    "invalid",
    "onion",
    "alt",
    "cluster",
];

/// Why a URL is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// It is none, is too long, or has a fragment.
    #[error("not an absolute URL of at most 2,048 bytes without a fragment")]
    Malformed,
    /// It is not `https`.
    #[error("not an https URL")]
    Scheme,
    /// It has a user name or a password.
    #[error("a URL with credentials")]
    Credentials,
    /// Another port than 443 and 8443.
    #[error("a port other than 443 and 8443")]
    Port,
    /// The host is an address, a name without a dot, or a name of an inner network.
    #[error("the host is not a name in the public DNS")]
    Host,
}

impl UrlRefusal {
    /// A stable word for problems and the audit log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Scheme => "scheme",
            Self::Credentials => "credentials",
            Self::Port => "port",
            Self::Host => "host",
        }
    }
}

/// A URL that may be asked, in its normal form.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundUrl(Url);

impl OutboundUrl {
    /// Reads a URL. The standard's parser (WHATWG URL) is what the HTTP client uses, so that both see the same host in
    /// `https://0x7f.1`, `https://１２７.0.0.1` or `https://a\@b`.
    ///
    /// # Errors
    /// [`UrlRefusal`].
    pub fn parse(text: &str, reach: Reach) -> Result<Self, UrlRefusal> {
        // The parser passes over white space and control characters; who writes them means to hide something.
        if text.len() > MAX_URL || !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains(['\\', '#']) {
            return Err(UrlRefusal::Malformed);
        }
        let url = Url::parse(text).map_err(|_| UrlRefusal::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefusal::Credentials);
        }
        if reach == Reach::LoopbackTooForTests && is_loopback(&url) {
            return Ok(Self(url));
        }
        if url.scheme() != "https" {
            return Err(UrlRefusal::Scheme);
        }
        match url.host() {
            Some(Host::Domain(name)) if is_public_name(name) => {}
            _ => return Err(UrlRefusal::Host),
        }
        if !url.port_or_known_default().is_some_and(|port| PORTS.contains(&port)) {
            return Err(UrlRefusal::Port);
        }
        Ok(Self(url))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host's name.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// Another path at the same origin.
    #[must_use]
    pub fn at_origin(&self, path: &str) -> Self {
        let mut url = self.0.clone();
        url.set_path(path);
        url.set_query(None);
        Self(url)
    }

    pub(super) fn url(&self) -> &Url {
        &self.0
    }
}

/// Shows the host alone: paths and queries of endpoints are often secrets.
impl std::fmt::Debug for OutboundUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "OutboundUrl({}…)", self.host())
    }
}

fn is_loopback(url: &Url) -> bool {
    ["http", "https"].contains(&url.scheme())
        && match url.host() {
            Some(Host::Domain(name)) => is_localhost(name),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
}

/// Whether a name is this machine (RFC 6761, 6.3).
pub(super) fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

fn is_public_name(name: &str) -> bool {
    let mut labels = name.trim_end_matches('.').rsplit('.');
    let last = labels.next().unwrap_or_default();
    labels.next().is_some() && !last.bytes().all(|b| b.is_ascii_digit()) && !INNER_NAMES.contains(&last)
}
