//! The My Number Card (個人番号カード) as programs see it: the commands of ISO 7816-4, the card's applications and
//! elementary files, a [`client`] that speaks to a card through a [`Transport`](transport::Transport), and a
//! [`virtual_card`] that answers as the real one does.
//!
//! Pure: commands, memory and randomness come in, responses go out. Readers (PC/SC) are the business of whoever brings a
//! transport. The 12-digit My Number (個人番号) has a file on the card, which the virtual card carries because
//! middleware expects it; no function of the client reads it.

pub mod apdu;
pub mod client;
pub mod genuineness;
pub mod layout;
pub mod records;
pub mod status;
pub mod tlv;
pub mod transport;
pub mod virtual_card;

pub use apdu::{ApduError, CommandApdu, ResponseApdu};
pub use layout::{Application, CertificateKind, FileId, PinReference};
pub use status::StatusWord;
