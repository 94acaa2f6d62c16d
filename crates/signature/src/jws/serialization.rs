//! The serializations of a JWS (RFC 7515 7): compact, flattened JSON, general JSON. Reads the shell only; headers are
//! read by their own module.

use std::borrow::Cow;

use super::base64;
use super::json::{self, Json, Object};
use super::{MAX_FILE_BYTES, MAX_HEADER_BYTES, MAX_SIGNATURES};
use crate::model::NotASignature;

/// A file.
pub(super) struct Jws<'a> {
    pub(super) form: Form,
    /// As it stands in the file: base64url, or text if `b64` is false. `None` if it is absent or empty: detached.
    pub(super) payload: Option<Cow<'a, str>>,
    pub(super) signatures: Vec<Entry<'a>>,
    /// Whether there are members of which RFC 7515 knows nothing. Nobody signed them.
    pub(super) other_members: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Compact,
    Flattened,
    General,
}

/// One signature.
pub(super) struct Entry<'a> {
    /// Base64url of the protected header; empty if there is none.
    pub(super) protected: &'a str,
    pub(super) header: Object<'a>,
    /// Base64url of the value.
    pub(super) signature: &'a str,
    /// The signing input where it stands in the file as such.
    pub(super) signing_input: Option<&'a str>,
}

pub(super) fn read(file: &[u8]) -> Result<Jws<'_>, NotASignature> {
    if file.len() > MAX_FILE_BYTES {
        return Err(NotASignature::TooMuch { what: "bytes of a JWS", limit: MAX_FILE_BYTES });
    }
    // A file often ends with a line break that nobody put there.
    let file = file.trim_ascii_end();
    if file.trim_ascii_start().first() == Some(&b'{') { read_json(file) } else { read_compact(file) }
}

/// RFC 7515 7.1, RFC 7797 5.2.
fn read_compact(file: &[u8]) -> Result<Jws<'_>, NotASignature> {
    const NONE: NotASignature = NotASignature::Malformed("not a compact JWS");
    let text = std::str::from_utf8(file).map_err(|_| NONE)?;
    let mut parts = text.split('.');
    let (Some(protected), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(NONE);
    };
    let encoded = |text: &str| !text.is_empty() && base64::is_url_alphabet(text);
    let printable = payload.bytes().all(|b| (0x20..0x7F).contains(&b));
    // An empty value is that of an unsecured JWS (RFC 7515 A.5): well-formed, and refused by its own rule.
    if !encoded(protected) || !(signature.is_empty() || encoded(signature)) || !printable {
        return Err(NONE);
    }
    if protected.len() > MAX_HEADER_BYTES {
        return Err(NotASignature::TooMuch { what: "characters of a header", limit: MAX_HEADER_BYTES });
    }
    if base64::from_url(protected).is_none_or(|bytes| json::read_object(&bytes).is_err()) {
        return Err(NotASignature::Malformed("the protected header is not the base64url of a JSON object"));
    }
    let signing_input = text.get(..protected.len() + 1 + payload.len());
    let entry = Entry { protected, header: Object::default(), signature, signing_input };
    Ok(Jws {
        form: Form::Compact,
        payload: Some(Cow::Borrowed(payload)).filter(|p| !p.is_empty()),
        signatures: vec![entry],
        other_members: false,
    })
}

/// RFC 7515 7.2.
fn read_json(file: &[u8]) -> Result<Jws<'_>, NotASignature> {
    let mut object = json::read_object(file)?;
    let payload = match object.take("payload") {
        None => None,
        Some(Json::Text(text)) => Some(text).filter(|t| !t.is_empty()),
        Some(_) => return Err(NotASignature::Malformed("the payload is not a text")),
    };
    let mut other_members = false;
    let (form, signatures) = match object.take("signatures") {
        Some(Json::Array(entries)) => {
            if object.names().any(|name| matches!(name, "signature" | "protected" | "header")) {
                return Err(NotASignature::Malformed("both a general and a flattened serialization"));
            }
            (Form::General, read_entries(entries, &mut other_members)?)
        }
        Some(_) => return Err(NotASignature::Malformed("the signatures are not an array")),
        None if object.get("signature").is_none() => return Err(NotASignature::Malformed("not a JWS")),
        None => (Form::Flattened, vec![read_entry(&mut object)?]),
    };
    Ok(Jws { form, payload, signatures, other_members: other_members || !object.is_empty() })
}

fn read_entries<'a>(
    entries: Vec<Json<'a>>,
    other_members: &mut bool,
) -> Result<Vec<Entry<'a>>, NotASignature> {
    if entries.is_empty() {
        return Err(NotASignature::NoSignature);
    }
    if entries.len() > MAX_SIGNATURES {
        return Err(NotASignature::TooMuch { what: "signatures", limit: MAX_SIGNATURES });
    }
    let read = |entry| match entry {
        Json::Object(mut object) => {
            let entry = read_entry(&mut object)?;
            *other_members |= !object.is_empty();
            Ok(entry)
        }
        _ => Err(NotASignature::Malformed("a signature is not an object")),
    };
    entries.into_iter().map(read).collect()
}

fn read_entry<'a>(object: &mut Object<'a>) -> Result<Entry<'a>, NotASignature> {
    let mut text = |name| match object.take(name) {
        None => Ok(""),
        Some(value) => value
            .plain_text()
            .ok_or(NotASignature::Malformed("a header or value is not a text without escapes")),
    };
    let (protected, signature) = (text("protected")?, text("signature")?);
    let header = match object.take("header") {
        None => Object::default(),
        Some(Json::Object(header)) => header,
        Some(_) => return Err(NotASignature::Malformed("an unprotected header is not an object")),
    };
    Ok(Entry { protected, header, signature, signing_input: None })
}
