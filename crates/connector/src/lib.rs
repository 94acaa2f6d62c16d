//! The card window: what a web page may ask of a card, what the holder is shown, and what the card then does
//! (`docs/spec/card-request.md`). Pages cannot tell whose window it is: `musubi-agent` on the holder's computer and the
//! simulated nation serve this same router, each over its own [`Reader`].
//!
//! Knows no relying party and no platform. The PIN is typed into this window's own page and goes to the card.

mod reader;

pub use reader::{Caller, Holder, Permission, Reader};
