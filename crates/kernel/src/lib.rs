//! The words that every crate shares: time, randomness, typed identifiers, secrets, error codes, deceiving text.
//!
//! No I/O and no async. This list is closed: what only one crate needs lives there.

mod clock;
mod error_code;
mod id;
mod random;
mod secret;
mod text;
mod time;

pub use clock::{Clock, FixedClock, SystemClock};
pub use error_code::ErrorCode;
pub use id::{IdError, hex_lower, random_body, valid_body};
pub use random::{Random, SeededRandom};
pub use secret::Secret;
pub use text::{deceives, shown};
pub use time::{Date, TimeError, UnixTime};
