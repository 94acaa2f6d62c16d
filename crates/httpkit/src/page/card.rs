//! Where a page finds the card: the origins that a card request may be sent to (docs/spec/card-request.md). Opens no
//! window and knows no card; `card-client.js` does the one, the window's own server the other.

/// The places that a page offers. Origins have no final slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardOrigins {
    /// The card window that everybody can reach, `http://card.localhost:8080`.
    pub window: String,
    /// The program that speaks to the reader at the visitor's own computer, where it is offered beside the window.
    pub agent: Option<CardAgent>,
}

/// `musubi-agent` on the visitor's own computer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardAgent {
    /// Where it listens, `http://127.0.0.1:24817`.
    pub origin: String,
    /// The address of a page that says how to start it.
    pub help: String,
}

impl<T: Into<String>> From<T> for CardOrigins {
    /// The window alone.
    fn from(window: T) -> Self {
        Self { window: window.into(), agent: None }
    }
}
