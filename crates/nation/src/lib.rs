//! The simulated nation: authorities, municipalities, residents, life events, virtual cards.
//!
//! It stands in for J-LIS and for the municipalities, so that everything runs offline. Its certificates have
//! the shape of the real ones, byte for byte, but say `O=JPKI-TEST` and carry test policies: no verifier in
//! production mode may accept them. Its keys follow from a seed that everyone knows; none of them may ever
//! protect anything real. Beside the dozen residents whose cards sign ([`World`]) lives, if wanted, a population of
//! millions without keys ([`population`]). What the real services look like on the wire is not public:
//! `docs/spec/upstream.md` says what is our own design.

mod authority;
mod card;
mod der;
mod founding;
mod keys;
mod life;
mod list_writer;
mod lists;
mod model;
mod municipality;
mod ocsp;
pub mod pages;
mod pictures;
pub mod population;
mod profile;
mod repertoire;
mod residents;
mod sql;
pub mod synthetic;
mod upstream;
mod virtual_cards;
mod world;

pub use keys::{DEFAULT_SEED, make_hints};
pub use list_writer::{Entry, EntryWord, Scope, WriteError, Written};
pub use model::*;
pub use municipality::{MUNICIPALITIES, Municipality, municipality};
pub use upstream::ConsentTerm;
pub use virtual_cards::PROBLEMS;
pub use world::{World, WorldConfig};
