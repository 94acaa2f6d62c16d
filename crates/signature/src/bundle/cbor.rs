//! CBOR (RFC 8949) in its one deterministic form (4.2.1). What is read is written again and compared, so that nothing
//! has two encodings; every length is bounded before anything is kept.

use std::convert::Infallible;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use musubi_kernel::UnixTime;

/// Not the bytes of a bundle. The text says where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

pub(super) type Writer = Encoder<Vec<u8>>;
pub(super) type Written = Result<(), minicbor::encode::Error<Infallible>>;

pub(super) fn write(body: impl FnOnce(&mut Writer) -> Written) -> Vec<u8> {
    let mut writer = Encoder::new(Vec::new());
    // Writing to memory cannot fail; were it to, there would be no bytes and no bundle.
    match body(&mut writer) {
        Ok(()) => writer.into_writer(),
        Err(_) => Vec::new(),
    }
}

/// 0000-01-01 to 9999-12-31: what has a form in RFC 3339.
const TIMES: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
/// Longest text in the evidence of a rule, in bytes: an origin of 200 characters has room.
const MAX_TEXT: usize = 1024;

/// Reads items one after the other; a failure names the item.
pub(super) struct Reader<'a>(Decoder<'a>);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(Decoder::new(bytes))
    }

    pub(super) fn position(&self) -> usize {
        self.0.position()
    }

    pub(super) fn end(&self, what: &'static str) -> Result<(), Malformed> {
        if self.0.position() == self.0.input().len() { Ok(()) } else { Err(Malformed(what)) }
    }

    pub(super) fn array(&mut self, what: &'static str, max: u64) -> Result<u64, Malformed> {
        self.0.array().ok().flatten().filter(|length| *length <= max).ok_or(Malformed(what))
    }

    pub(super) fn array_of(&mut self, what: &'static str, length: u64) -> Result<(), Malformed> {
        if self.array(what, length)? == length { Ok(()) } else { Err(Malformed(what)) }
    }

    /// The keys of a map that follow, in order; [`Keys::take`] reads each.
    pub(super) fn map(&mut self, what: &'static str, max: u64) -> Result<Keys, Malformed> {
        let left = self.length(what, max)?;
        Ok(Keys { left, next: None, what })
    }

    pub(super) fn length(&mut self, what: &'static str, max: u64) -> Result<u64, Malformed> {
        self.0.map().ok().flatten().filter(|length| *length <= max).ok_or(Malformed(what))
    }

    pub(super) fn number(&mut self, what: &'static str) -> Result<u64, Malformed> {
        self.0.u64().map_err(|_| Malformed(what))
    }

    pub(super) fn time(&mut self, what: &'static str) -> Result<UnixTime, Malformed> {
        let seconds = self.integer(what)?;
        if TIMES.contains(&seconds) { Ok(UnixTime(seconds)) } else { Err(Malformed(what)) }
    }

    pub(super) fn integer(&mut self, what: &'static str) -> Result<i64, Malformed> {
        self.0.i64().map_err(|_| Malformed(what))
    }

    pub(super) fn bytes(&mut self, what: &'static str, max: usize) -> Result<&'a [u8], Malformed> {
        self.0.bytes().ok().filter(|bytes| bytes.len() <= max).ok_or(Malformed(what))
    }

    pub(super) fn digest<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], Malformed> {
        self.bytes(what, N)?.try_into().map_err(|_| Malformed(what))
    }

    /// Takes the next item if it is `true`.
    pub(super) fn takes_true(&mut self) -> bool {
        let before = self.0.position();
        let found = matches!(self.0.bool(), Ok(true));
        if !found {
            self.0.set_position(before);
        }
        found
    }

    pub(super) fn text(&mut self, what: &'static str, max: usize) -> Result<&'a str, Malformed> {
        self.0.str().ok().filter(|text| text.len() <= max).ok_or(Malformed(what))
    }

    /// A text of visible ASCII characters without spaces: a name, which is shown as it is.
    pub(super) fn name(&mut self, what: &'static str, max: usize) -> Result<&'a str, Malformed> {
        let name = self.text(what, max)?;
        if name.bytes().all(|b| b.is_ascii_graphic()) { Ok(name) } else { Err(Malformed(what)) }
    }

    /// A text, a number, a truth value or a time (tag 1).
    pub(super) fn value(&mut self, what: &'static str) -> Result<Scalar, Malformed> {
        let wrong = |_| Malformed(what);
        match self.0.datatype().map_err(wrong)? {
            Type::String => Ok(Scalar::Text(self.text(what, MAX_TEXT)?.to_owned())),
            Type::Bool => Ok(Scalar::Flag(self.0.bool().map_err(wrong)?)),
            Type::Tag if self.0.tag().map_err(wrong)?.as_u64() == 1 => Ok(Scalar::Time(self.time(what)?)),
            Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
                Ok(Scalar::Number(self.0.i64().map_err(wrong)?))
            }
            _ => Err(Malformed(what)),
        }
    }
}

/// A value of a check's evidence.
pub(super) enum Scalar {
    Text(String),
    Number(i64),
    Flag(bool),
    Time(UnixTime),
}

/// The keys of a map with small numbers as keys, each read when it is asked for in ascending order.
pub(super) struct Keys {
    left: u64,
    next: Option<u64>,
    what: &'static str,
}

impl Keys {
    /// Whether the next key is `key`; its value is then the next item.
    pub(super) fn take(&mut self, reader: &mut Reader<'_>, key: u64) -> Result<bool, Malformed> {
        if self.next.is_none() && self.left > 0 {
            self.next = Some(reader.number(self.what)?);
            self.left -= 1;
        }
        let found = self.next == Some(key);
        if found {
            self.next = None;
        }
        Ok(found)
    }

    pub(super) fn need(&mut self, reader: &mut Reader<'_>, key: u64) -> Result<(), Malformed> {
        if self.take(reader, key)? { Ok(()) } else { Err(Malformed(self.what)) }
    }

    /// No key is left: unknown ones are refused.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.left == 0 && self.next.is_none() { Ok(()) } else { Err(Malformed(self.what)) }
    }
}

/// Hashes of 32 bytes, one after the other in one byte string.
pub(super) fn hashes(bytes: &[u8], what: &'static str) -> Result<Vec<[u8; 32]>, Malformed> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() { Ok(hashes.to_vec()) } else { Err(Malformed(what)) }
}
