//! The objects of a PDF (ISO 32000-2 7.3), as trees of spans: strings and streams are not copied.
//!
//! Refused: a key that stands twice in a dictionary (readers disagree which one counts), arrays and dictionaries
//! nested deeper than [`MAX_DEPTH`], an object of more than [`MAX_ITEMS`], a stream whose `/Length` does not lead to its `endstream`,
//! an object that is only a reference to another.

use std::borrow::Cow;

use super::lexer::{Lexer, MAX_ITEMS, Number, Result, hex_digit, is_space, malformed};

/// Arrays and dictionaries inside of one another.
pub(super) const MAX_DEPTH: usize = 64;

/// The number and generation of an indirect object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id {
    pub(super) number: u32,
    pub(super) generation: u16,
}

/// A string, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a> {
    /// With its delimiters.
    pub(super) raw: &'a [u8],
    /// Offset of its first delimiter in the buffer that it was read from.
    pub(super) at: usize,
}

impl Text<'_> {
    pub(super) fn is_hex(&self) -> bool {
        self.raw.first() == Some(&b'<')
    }

    /// The bytes that it stands for (7.3.4).
    pub(super) fn decoded(&self) -> Vec<u8> {
        let inner = self.raw.get(1..self.raw.len().saturating_sub(1)).unwrap_or_default();
        if self.is_hex() { decode_hex(inner) } else { decode_literal(inner) }
    }

    /// For people and for comparing names of fields: UTF-16 or UTF-8 by its mark, else byte by byte (7.9.2).
    pub(super) fn to_text(self) -> String {
        let bytes = self.decoded();
        if let Some(rest) = bytes.strip_prefix(&[0xFE, 0xFF]) {
            let units = rest.chunks(2).map(|pair| match *pair {
                [high, low] => u16::from_be_bytes([high, low]),
                _ => 0xFFFD,
            });
            return char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
        }
        match bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]) {
            Some(rest) => String::from_utf8_lossy(rest).into_owned(),
            None => bytes.iter().map(|b| char::from(*b)).collect(),
        }
    }
}

fn decode_hex(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len().div_ceil(2));
    let mut pairs = inner.chunks_exact(2);
    for pair in &mut pairs {
        let [Some(high), Some(low)] = [0, 1].map(|at| pair.get(at).and_then(|b| hex_digit(*b))) else {
            return decode_spaced_hex(inner);
        };
        out.push(high << 4 | low);
    }
    out.extend(pairs.remainder().iter().filter_map(|b| hex_digit(*b)).map(|high| high << 4));
    out
}

fn decode_spaced_hex(inner: &[u8]) -> Vec<u8> {
    let mut digits = inner.iter().filter_map(|b| hex_digit(*b));
    let mut out = Vec::with_capacity(inner.len() / 2);
    while let Some(high) = digits.next() {
        out.push(high << 4 | digits.next().unwrap_or(0));
    }
    out
}

fn decode_literal(inner: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\r' {
            bytes.next_if_eq(&b'\n');
            out.push(b'\n');
            continue;
        }
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b'r') => out.push(b'\r'),
            Some(b't') => out.push(b'\t'),
            Some(b'b') => out.push(8),
            Some(b'f') => out.push(12),
            Some(b'\r') => {
                bytes.next_if_eq(&b'\n');
            }
            Some(b'\n') | None => {}
            Some(digit @ b'0'..=b'7') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(|b| (b'0'..=b'7').contains(b)) {
                        value = value * 8 + u32::from(digit - b'0');
                    }
                }
                out.push(u8::try_from(value & 0xFF).unwrap_or(0));
            }
            Some(other) => out.push(other),
        }
    }
    out
}

/// A dictionary, sorted by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Dict<'a> {
    entries: Vec<(Cow<'a, [u8]>, Object<'a>)>,
    /// Offset of `<<` in the buffer that it was read from.
    pub(super) at: usize,
}

impl<'a> Dict<'a> {
    /// The value; `None` for an absent one and for `null`, which is the same (7.3.7).
    pub(super) fn get(&self, key: &[u8]) -> Option<&Object<'a>> {
        let index = self.entries.binary_search_by(|(k, _)| k.as_ref().cmp(key)).ok()?;
        self.entries.get(index).map(|(_, value)| value).filter(|value| !matches!(value, Object::Null))
    }

    pub(super) fn name(&self, key: &[u8]) -> Option<&[u8]> {
        self.get(key).and_then(Object::as_name)
    }

    pub(super) fn integer(&self, key: &[u8]) -> Option<i64> {
        self.get(key).and_then(Object::as_integer)
    }

    pub(super) fn has_name(&self, key: &[u8], value: &[u8]) -> bool {
        self.name(key) == Some(value)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &Object<'a>)> {
        self.entries.iter().map(|(key, value)| (key.as_ref(), value))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

/// An object. A stream is one only as an indirect object.
#[derive(Debug, Clone)]
pub(super) enum Object<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Real(&'a [u8]),
    Text(Text<'a>),
    Name(Cow<'a, [u8]>),
    Array(Vec<Object<'a>>),
    Dict(Dict<'a>),
    Ref(Id),
    Stream(Dict<'a>, &'a [u8]),
}

impl<'a> Object<'a> {
    pub(super) fn as_name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    pub(super) fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(value) = self { Some(*value) } else { None }
    }

    pub(super) fn as_ref(&self) -> Option<Id> {
        if let Self::Ref(id) = self { Some(*id) } else { None }
    }

    pub(super) fn as_array(&self) -> Option<&[Object<'a>]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    pub(super) fn as_dict(&self) -> Option<&Dict<'a>> {
        if let Self::Dict(dict) = self { Some(dict) } else { None }
    }

    pub(super) fn as_text(&self) -> Option<Text<'a>> {
        if let Self::Text(text) = self { Some(*text) } else { None }
    }

    /// The dictionary, of a stream too.
    pub(super) fn dict(&self) -> Option<&Dict<'a>> {
        match self {
            Self::Dict(dict) | Self::Stream(dict, _) => Some(dict),
            _ => None,
        }
    }

    /// A number, whole part only; what is enough to tell zero from the rest is kept apart.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => i32::try_from(*value).ok().map(f64::from),
            Self::Real(text) => core::str::from_utf8(text).ok().and_then(|t| t.parse().ok()),
            _ => None,
        }
    }
}

/// Reads a direct object. A stream's dictionary is read as a dictionary.
pub(super) fn direct<'a>(lexer: &mut Lexer<'a>, depth: usize) -> Result<Object<'a>> {
    if depth > MAX_DEPTH {
        return Err(crate::NotASignature::TooMuch { what: "nested PDF objects", limit: MAX_DEPTH });
    }
    let Some(left) = lexer.left.checked_sub(1) else {
        return Err(crate::NotASignature::TooMuch { what: "items of a PDF object", limit: MAX_ITEMS });
    };
    lexer.left = left;
    lexer.blank();
    let at = lexer.at;
    match lexer.peek() {
        Some(b'/') => lexer.name().map(Object::Name),
        Some(b'(') => lexer.literal_string().map(|raw| Object::Text(Text { raw, at })),
        Some(b'<') if lexer.take(b"<<") => dictionary(lexer, at, depth).map(Object::Dict),
        Some(b'<') => lexer.hex_string().map(|raw| Object::Text(Text { raw, at })),
        Some(b'[') => {
            lexer.at += 1;
            let mut items = Vec::new();
            loop {
                lexer.blank();
                if lexer.take(b"]") {
                    return Ok(Object::Array(items));
                }
                items.push(direct(lexer, depth + 1)?);
            }
        }
        Some(b'0'..=b'9' | b'+' | b'-' | b'.') => match lexer.number()? {
            Number::Real(text) => Ok(Object::Real(text)),
            Number::Integer(value) => Ok(reference(lexer, value).unwrap_or(Object::Integer(value))),
        },
        _ if lexer.keyword(b"true") => Ok(Object::Bool(true)),
        _ if lexer.keyword(b"false") => Ok(Object::Bool(false)),
        _ if lexer.keyword(b"null") => Ok(Object::Null),
        _ => malformed("a PDF object"),
    }
}

/// `number generation R`, of which the number has been read.
fn reference<'a>(lexer: &mut Lexer<'a>, number: i64) -> Option<Object<'a>> {
    let number = u32::try_from(number).ok()?;
    let mut ahead = lexer.clone();
    ahead.blank();
    // Most numbers are no references; this is asked for each of them.
    if !ahead.peek()?.is_ascii_digit() {
        return None;
    }
    let generation = u16::try_from(ahead.unsigned()?).ok()?;
    ahead.blank();
    ahead.keyword(b"R").then(|| {
        lexer.at = ahead.at;
        Object::Ref(Id { number, generation })
    })
}

fn dictionary<'a>(lexer: &mut Lexer<'a>, at: usize, depth: usize) -> Result<Dict<'a>> {
    let mut entries: Vec<(Cow<'a, [u8]>, Object<'a>)> = Vec::new();
    loop {
        lexer.blank();
        if lexer.take(b">>") {
            break;
        }
        let key = lexer.name()?;
        entries.push((key, direct(lexer, depth + 1)?));
    }
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    if entries.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
        return malformed("a key stands twice in a PDF dictionary");
    }
    Ok(Dict { entries, at })
}

/// Reads what an indirect object is. Not a reference again: some readers follow it and some do not.
pub(super) fn value<'a>(lexer: &mut Lexer<'a>) -> Result<Object<'a>> {
    match direct(lexer, 0)? {
        Object::Ref(_) => malformed("a PDF object that is only a reference"),
        other => Ok(other),
    }
}

/// Reads `number generation obj … endobj`. `length_of` resolves an indirect `/Length`.
pub(super) fn indirect<'a>(
    lexer: &mut Lexer<'a>,
    length_of: impl Fn(Id) -> Result<usize>,
) -> Result<(Id, Object<'a>)> {
    let id = header(lexer)?;
    let object = value(lexer)?;
    lexer.blank();
    let object = match object {
        Object::Dict(dict) if lexer.keyword(b"stream") => {
            let length = match dict.get(b"Length") {
                Some(Object::Integer(length)) => usize::try_from(*length).ok(),
                Some(Object::Ref(id)) => Some(length_of(*id)?),
                _ => None,
            };
            // CR alone does not end the line: the data would begin with one reader's LF (7.3.8.1).
            if !lexer.take(b"\r\n") && !lexer.take(b"\n") {
                return malformed("the line after `stream`");
            }
            let start = lexer.at;
            let data = length.and_then(|length| start.checked_add(length)).and_then(|end| {
                lexer.at = end;
                lexer.bytes.get(start..end)
            });
            let Some(data) = data else { return malformed("the length of a PDF stream") };
            lexer.end_of_line();
            if !lexer.keyword(b"endstream") {
                return malformed("the length of a PDF stream");
            }
            lexer.blank();
            Object::Stream(dict, data)
        }
        other => other,
    };
    if !lexer.keyword(b"endobj") {
        return malformed("a PDF object without its end");
    }
    Ok((id, object))
}

/// Reads `number generation obj`.
fn header(lexer: &mut Lexer<'_>) -> Result<Id> {
    let number = lexer.unsigned().and_then(|n| u32::try_from(n).ok());
    let spaced = lexer.peek().is_some_and(is_space);
    lexer.spaces();
    let generation = lexer.unsigned().and_then(|n| u16::try_from(n).ok());
    lexer.spaces();
    match (number, generation) {
        (Some(number), Some(generation)) if spaced && lexer.take(b"obj") => Ok(Id { number, generation }),
        _ => malformed("the cross-reference table points at no object"),
    }
}
