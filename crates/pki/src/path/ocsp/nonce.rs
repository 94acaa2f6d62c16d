//! Nonces (RFC 9654): whether a response was made for one request. A response without the nonce that was asked for is
//! no worse as evidence, it only is not known to be new; what that means, the caller decides (RFC 5019 4).

use der::Tag;

use super::response::Response;
use crate::asn1::{Malformed, whole};

/// A nonce of 1 to 128 octets (RFC 9654 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nonce<'a>(&'a [u8]);

impl<'a> Nonce<'a> {
    /// The number of random octets that a request should have.
    pub const RECOMMENDED_LENGTH: usize = 32;

    /// # Errors
    /// [`NonceError::Length`].
    pub fn new(octets: &'a [u8]) -> Result<Self, NonceError> {
        if (1..=128).contains(&octets.len()) { Ok(Self(octets)) } else { Err(NonceError::Length) }
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }
}

/// Why a response does not answer the request with this nonce.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// Not 1 to 128 octets.
    #[error("a nonce has 1 to 128 octets")]
    Length,
    /// The response has none.
    #[error("the response has no nonce")]
    Missing,
    /// The extension is not an OCTET STRING.
    #[error("the response's nonce is malformed")]
    Malformed,
    /// It has another: it answers another request.
    #[error("the response has the nonce of another request")]
    Different,
}

/// The response's nonce, if it has one that is well-formed. Of a response whose signature was not verified, it is
/// anybody's.
#[must_use]
pub fn nonce<'a>(response: &Response<'a>) -> Option<&'a [u8]> {
    read(response).ok().map(Nonce::as_bytes)
}

/// Whether the response has this nonce.
///
/// # Errors
/// [`NonceError`].
pub fn check_nonce(response: &Response<'_>, expected: Nonce<'_>) -> Result<(), NonceError> {
    if read(response)? == expected { Ok(()) } else { Err(NonceError::Different) }
}

fn read<'a>(response: &Response<'a>) -> Result<Nonce<'a>, NonceError> {
    let value = response.nonce.ok_or(NonceError::Missing)?;
    let octets = whole(value, |v| Ok::<_, Malformed>(v.element(Tag::OctetString)?.value))
        .map_err(|Malformed| NonceError::Malformed)?;
    Nonce::new(octets)
}
