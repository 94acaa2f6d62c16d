//! What a signature covers: `/ByteRange` and `/Contents` (ISO 32000-2 12.8.1, EN 319 142-1 5.1).
//!
//! The range must be all of a revision of the file but the hexadecimal string of this very dictionary. Refused:
//! ranges that do not begin at the first byte, leave out more or less than that string, overlap, end elsewhere than at
//! an end of a revision or outside of the file; signature wrapping rests on all of these (Mladenov, Mainka et al.,
//! "1 Trillion Dollar Refund", CCS 2019). Contents that are no plain hexadecimal digits, or go on behind the CMS with
//! anything but zeros; a dictionary in an object stream, or replaced after it was signed.

use super::lexer::is_space;
use super::objects::{Dict, Id, Object};
use super::reader::{Reader, State};
use super::xref::Entry;

/// White space behind `%%EOF` that may be signed with a revision.
const MAX_TRAILING: usize = 64;

/// The bytes that are signed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Coverage<'a> {
    pub(super) first: &'a [u8],
    pub(super) second: &'a [u8],
    /// The revision that it covers.
    pub(super) state: State,
}

impl Coverage<'_> {
    /// The revision, and how many bytes are signed.
    pub(super) fn extent(&self) -> (State, usize) {
        (self.state, self.first.len() + self.second.len())
    }
}

/// The coverage of the signature `dict` in the object `holder`, or what is wrong with it.
pub(super) fn coverage<'a>(
    reader: &Reader<'a>,
    holder: Id,
    dict: &Dict<'_>,
) -> Result<Coverage<'a>, &'static str> {
    if !matches!(reader.entry(0, holder.number), Some(Entry::Offset { .. })) {
        return Err("the signature dictionary is compressed");
    }
    let Some(contents) = dict.get(b"Contents").and_then(Object::as_text).filter(|text| text.is_hex()) else {
        return Err("no hexadecimal string of contents");
    };
    let Some(range) = dict.get(b"ByteRange").and_then(Object::as_array) else {
        return Err("no byte range");
    };
    let numbers: Vec<usize> =
        range.iter().filter_map(|n| n.as_integer().and_then(|n| usize::try_from(n).ok())).collect();
    let (&[start, length, resumes, more], 4) = (numbers.as_slice(), range.len()) else {
        return Err("a byte range that is not two pairs of offset and length");
    };
    if start != 0 {
        return Err("the byte range does not begin at the first byte");
    }
    if length != contents.at || resumes != contents.at + contents.raw.len() {
        return Err("the byte range leaves out something else than the contents");
    }
    let end = resumes.checked_add(more).filter(|end| *end <= reader.file.len());
    let parts = end.and_then(|end| Some((end, reader.file.get(..length)?, reader.file.get(resumes..end)?)));
    let Some((end, first, second)) = parts else { return Err("the byte range leaves the file") };
    let Some(state) = revision_at(reader, end) else {
        return Err("the byte range does not end at the end of a revision");
    };
    if reader.entry(state, holder.number) != reader.entry(0, holder.number) {
        return Err("the signature dictionary is not in the revision that it covers");
    }
    Ok(Coverage { first, second, state })
}

/// The revision that ends here, the line end behind `%%EOF` included or not.
fn revision_at(reader: &Reader<'_>, end: usize) -> Option<State> {
    let state = reader.revisions.iter().position(|revision| revision.end <= end)?;
    let trailing = reader.file.get(reader.revisions.get(state)?.end..end)?;
    (trailing.len() <= MAX_TRAILING && trailing.iter().all(|b| is_space(*b))).then_some(state)
}

/// The CMS in `/Contents`, without its padding, or what is wrong with it.
pub(super) fn contents(dict: &Dict<'_>) -> Result<Vec<u8>, &'static str> {
    let Some(text) = dict.get(b"Contents").and_then(Object::as_text).filter(|text| text.is_hex()) else {
        return Err("no hexadecimal string of contents");
    };
    let digits = text.raw.get(1..text.raw.len() - 1).unwrap_or_default();
    if digits.len() % 2 != 0 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err("the contents are not plain hexadecimal digits");
    }
    let mut bytes = text.decoded();
    match crate::cms::length_of(&bytes) {
        Some(length) if bytes.get(length..).is_some_and(|padding| padding.iter().all(|b| *b == 0)) => {
            bytes.truncate(length);
            Ok(bytes)
        }
        Some(_) => Err("the contents go on behind the signature"),
        None => Err("the contents are no signature"),
    }
}
