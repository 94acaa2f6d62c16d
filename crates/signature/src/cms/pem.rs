//! CMS in text (RFC 7468): labels `CMS` and `PKCS7`. One message, nothing before or after it but white space.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::model::{Covered, Found, FoundTimestamp, NotASignature, Signed, Signer, Value};

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

/// The same without borrowing from the file.
pub(super) fn into_owned(found: Found<'_>) -> Found<'static> {
    let all = |list: Vec<Cow<'_, [u8]>>| list.into_iter().map(owned).collect();
    Found {
        role: found.role,
        format: found.format,
        location: found.location,
        level: found.level,
        signer: match found.signer {
            Signer::Certificate(der) => Signer::Certificate(owned(der)),
            Signer::NotFound => Signer::NotFound,
        },
        certificates: all(found.certificates),
        crls: all(found.crls),
        ocsp: all(found.ocsp),
        value: Value {
            algorithm: found.value.algorithm,
            encoding: found.value.encoding,
            signed: match found.value.signed {
                Signed::Bytes(bytes) => Signed::Bytes(owned(bytes)),
                Signed::Digest(digest) => Signed::Digest(digest),
                Signed::BareDigest(digest) => Signed::BareDigest(digest),
            },
            signature: owned(found.value.signature),
        },
        digests: found.digests,
        rules: found.rules,
        claimed_signing_time: found.claimed_signing_time,
        timestamps: found
            .timestamps
            .into_iter()
            .map(|stamp| FoundTimestamp {
                kind: stamp.kind,
                location: stamp.location,
                token: owned(stamp.token),
                covered: match stamp.covered {
                    Covered::Parts(parts) => Covered::Parts(parts.into_iter().map(owned).collect()),
                    Covered::Unusable(why) => Covered::Unusable(why),
                },
                covers: stamp.covers,
            })
            .collect(),
        extent: found.extent,
    }
}

fn owned(bytes: Cow<'_, [u8]>) -> Cow<'static, [u8]> {
    Cow::Owned(bytes.into_owned())
}
