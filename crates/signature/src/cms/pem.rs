//! CMS in text (RFC 7468): labels `CMS` and `PKCS7`. One message, nothing before or after it but white space.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::NotASignature;

/// Bytes of text. Larger messages are DER; what is found in a text is copied.
const MAX_TEXT_BYTES: usize = 8 << 20;

/// The message inside of the armour; `None` if the file has none.
pub(super) fn decode(file: &[u8]) -> Result<Option<Vec<u8>>, NotASignature> {
    const BAD: NotASignature = NotASignature::Malformed("PEM armour");
    let text = file.trim_ascii();
    let Some(text) = text.strip_prefix(b"-----BEGIN ") else { return Ok(None) };
    if file.len() > MAX_TEXT_BYTES {
        return Err(NotASignature::TooMuch { what: "bytes of PEM", limit: MAX_TEXT_BYTES });
    }
    let body = [b"CMS-----".as_slice(), b"PKCS7-----"].into_iter().find_map(|label| {
        let end = [b"-----END ".as_slice(), label].concat();
        text.strip_prefix(label)?.strip_suffix(end.as_slice())
    });
    let digits: Vec<u8> = body.ok_or(BAD)?.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).map(Some).map_err(|_| BAD)
}
