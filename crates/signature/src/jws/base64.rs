//! The two alphabets of a JWS, strictly: base64url without padding (RFC 7515 2) for its parts, base64 with padding
//! (RFC 4648 4) for certificates and tokens (RFC 7515 4.1.6). One text for every sequence of bytes: no white space, no
//! stray bits.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Bytes encoded at a time; a multiple of three, so that the pieces are the encoding of the whole.
const PIECE: usize = 3 * 8192;

/// The bytes of a base64url text.
pub(super) fn from_url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The bytes of a base64 text.
pub(super) fn from_standard(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Whether each character is of the base64url alphabet.
pub(super) fn is_url_alphabet(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Gives the bytes of a base64url text in pieces; `false` if it is none.
pub(super) fn pieces_from_url(text: &[u8], mut visit: impl FnMut(&[u8])) -> bool {
    let mut buffer = vec![0; PIECE];
    text.chunks(PIECE / 3 * 4).all(|piece| match URL_SAFE_NO_PAD.decode_slice(piece, &mut buffer) {
        Ok(length) => {
            visit(buffer.get(..length).unwrap_or_default());
            true
        }
        Err(_) => false,
    })
}

/// Gives the base64url text of bytes in pieces.
pub(super) fn pieces_to_url(bytes: &[u8], mut visit: impl FnMut(&[u8])) {
    let mut buffer = vec![0; PIECE / 3 * 4];
    for piece in bytes.chunks(PIECE) {
        // The buffer fits a whole piece.
        let length = URL_SAFE_NO_PAD.encode_slice(piece, &mut buffer).unwrap_or_default();
        visit(buffer.get(..length).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_white_space_stray_bits_and_the_other_alphabet_are_refused() {
        assert_eq!(from_url("_-8").unwrap(), [0xFF, 0xEF]);
        for wrong in ["_-8=", "_-8 ", "_-9", "/+8", "_-8\n", "A"] {
            assert_eq!(from_url(wrong), None, "{wrong:?}");
        }
        assert_eq!(from_standard("/+8=").unwrap(), [0xFF, 0xEF]);
        for wrong in ["/+8", "_-8=", "/+8=\n", "/+9=", "/+8=="] {
            assert_eq!(from_standard(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn pieces_are_the_encoding_of_the_whole() {
        for length in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 2] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 7 % 251) as u8).collect();
            let mut text = Vec::new();
            pieces_to_url(&bytes, |piece| text.extend_from_slice(piece));
            assert_eq!(text, URL_SAFE_NO_PAD.encode(&bytes).into_bytes());
            let mut again = Vec::new();
            assert!(pieces_from_url(&text, |piece| again.extend_from_slice(piece)));
            assert_eq!(again, bytes);
        }
        assert!(!pieces_from_url(b"AAAA=", |_| ()));
    }
}
