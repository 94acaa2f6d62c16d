//! What the card window brings with an authentication, so that the card can be enrolled: the record of the card's free key
//! (EF 0007 of 券面事項入力補助AP), the card's certificate (EF 0004), and a signature by that key. Judged without database.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use musubi_card::genuineness::{CardAuthorities, NotGenuine};
use musubi_card::records::public_key::KeyRecord;
use musubi_crypto::sha256;
use musubi_pki::{CheckResult, Outcome, ReasonCode};
use serde::{Deserialize, Serialize};

use crate::outcome::TransactionError;

/// Longest record or certificate of a card, and longest signature, in bytes.
const MAX_RECORD: usize = 2048;
const MAX_SIGNATURE: usize = 1024;

/// An offer as the caller sends it, in base64.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EncodedOffer {
    /// EF 0007.
    pub key_record: String,
    /// EF 0004.
    pub card_certificate: String,
    /// Over the text that the authentication key signed, by the free key.
    pub signature: String,
}

/// An offer of which nothing is verified.
pub(crate) struct Offer {
    record: Vec<u8>,
    certificate: Vec<u8>,
    signature: Vec<u8>,
    /// The key that the record claims to be the card's.
    claimed: Vec<u8>,
}

/// Why a card is not enrolled. The authentication stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OfferRefused {
    /// The card window brought none.
    Absent,
    /// The card's authority does not vouch for the key.
    NotGenuine(NotGenuine),
    /// The key did not sign the text of this transaction.
    NotSigned,
}

impl OfferRefused {
    /// What the person is told.
    pub(crate) fn reason(self) -> ReasonCode {
        match self {
            Self::Absent => ReasonCode::PresenceNotOffered,
            Self::NotGenuine(_) => ReasonCode::PresenceNotGenuine,
            Self::NotSigned => ReasonCode::PresenceNotProven,
        }
    }

    fn fault(self) -> String {
        match self {
            Self::Absent => "absent".to_owned(),
            Self::NotGenuine(cause) => cause.to_string(),
            Self::NotSigned => "not signed by the card's free key".to_owned(),
        }
    }
}

impl Offer {
    pub(crate) fn decode(offer: &EncodedOffer) -> Result<Self, TransactionError> {
        let bytes = |field, text: &str, max: usize| {
            let bytes = if text.len() <= max * 2 { STANDARD.decode(text).ok() } else { None };
            bytes.filter(|b| !b.is_empty() && b.len() <= max).ok_or(TransactionError::Field(field))
        };
        let record = bytes("presence.key_record", &offer.key_record, MAX_RECORD)?;
        // Without the key it cannot be told what the authentication key should have signed.
        let claimed = KeyRecord::parse(&record).and_then(|record| record.key.verifier());
        let claimed = claimed.map_err(|_| TransactionError::Field("presence.key_record"))?;
        Ok(Self {
            record,
            certificate: bytes("presence.card_certificate", &offer.card_certificate, MAX_RECORD)?,
            signature: bytes("presence.signature", &offer.signature, MAX_SIGNATURE)?,
            claimed: claimed.spki_der().to_vec(),
        })
    }

    /// The text that both keys signed: the one of an authentication, and the claimed key by its SHA-256.
    pub(crate) fn text(&self, authentication: &str) -> String {
        enrolling_text(authentication, &self.claimed)
    }

    /// The card's free key, if an authority of cards vouches for it and it signed this text, which names it.
    pub(crate) fn judge(&self, authorities: &CardAuthorities, text: &str) -> Result<Vec<u8>, OfferRefused> {
        let genuine = authorities
            .verify_key_record(&self.record, &self.certificate)
            .map_err(OfferRefused::NotGenuine)?;
        genuine.verify(text.as_bytes(), &self.signature).map_err(|_| OfferRefused::NotSigned)?;
        Ok(genuine.spki_der().to_vec())
    }
}

/// The text that is signed when a card is enrolled (`docs/spec/card-request.md`): that of an authentication, with a sixth
/// line that names the card's free key (`SubjectPublicKeyInfo`, DER).
#[must_use]
pub fn enrolling_text(authentication: &str, spki: &[u8]) -> String {
    format!("{authentication}presence-key: {}\n", URL_SAFE_NO_PAD.encode(sha256(spki)))
}

/// How the verdict of the authentication tells what came of the offer. It never makes that verdict worse: the holder did
/// authenticate.
pub(crate) fn check(outcome: Result<(), OfferRefused>) -> CheckResult {
    let citation =
        "JPKI Act art. 38-4; docs/adr/0018-presence-without-pin.md: the card is genuine and was there";
    match outcome {
        Ok(()) => CheckResult::new("presence.offer", citation, Outcome::Passed),
        Err(refused) => CheckResult::new("presence.offer", citation, Outcome::Skipped)
            .with("reason", refused.reason().code().as_str())
            .with("fault", refused.fault()),
    }
}
