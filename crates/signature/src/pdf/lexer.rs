//! The characters of a PDF (ISO 32000-2 7.2): white space, comments, numbers, names, strings, keywords.
//!
//! Strict. Refused: hexadecimal strings with anything but digits and white space, unclosed strings, names with a
//! broken `#` escape or a zero byte, numbers with two signs or points.

use std::borrow::Cow;

use crate::NotASignature;

pub(super) type Result<T> = core::result::Result<T, NotASignature>;

pub(super) fn malformed<T>(what: &'static str) -> Result<T> {
    Err(NotASignature::Malformed(what))
}

/// White space of 7.2.3.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | 9 | 10 | 12 | 13 | 32)
}

fn is_delimiter(byte: u8) -> bool {
    matches!(byte, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte) && !is_delimiter(byte)
}

/// Reads from a position on. Knows nothing of objects.
#[derive(Debug, Clone)]
pub(super) struct Lexer<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// How many more objects may be read with it.
    pub(super) left: usize,
}

/// Items of one indirect object, those of its arrays and dictionaries included. Each takes much more memory than the
/// one byte that may stand for it.
pub(super) const MAX_ITEMS: usize = 1 << 18;

/// A number as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number<'a> {
    Integer(i64),
    Real(&'a [u8]),
}

impl<'a> Lexer<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, left: MAX_ITEMS }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn starts_with(&self, text: &[u8]) -> bool {
        self.rest().starts_with(text)
    }

    /// Takes `text` if it stands here.
    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        let here = self.starts_with(text);
        if here {
            self.at += text.len();
        }
        here
    }

    fn regular(&mut self) -> &'a [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|b| !is_regular(*b)).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    /// Takes a word that ends where it should: `trueish` is not `true`.
    pub(super) fn keyword(&mut self, word: &[u8]) -> bool {
        let ends = self.bytes.get(self.at + word.len()).is_none_or(|b| !is_regular(*b));
        ends && self.take(word)
    }

    /// Skips white space only.
    pub(super) fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.iter().position(|b| !is_space(*b)).unwrap_or(rest.len());
    }

    /// Skips white space and comments.
    pub(super) fn blank(&mut self) {
        loop {
            self.spaces();
            if self.peek() != Some(b'%') {
                return;
            }
            let rest = self.rest();
            self.at += rest.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(rest.len());
        }
    }

    /// Takes one end of line: CR LF, LF or CR.
    pub(super) fn end_of_line(&mut self) -> bool {
        self.take(b"\r\n") || self.take(b"\n") || self.take(b"\r")
    }

    /// An integer without sign, at most 18 digits.
    pub(super) fn unsigned(&mut self) -> Option<u64> {
        let before = self.at;
        let text = self.regular();
        let value = (!text.is_empty() && text.len() <= 18 && text.iter().all(u8::is_ascii_digit))
            .then(|| text.iter().fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0')));
        if value.is_none() {
            self.at = before;
        }
        value
    }

    /// An offset or a length.
    pub(super) fn offset(&mut self) -> Option<usize> {
        self.unsigned().and_then(|n| usize::try_from(n).ok())
    }

    pub(super) fn number(&mut self) -> Result<Number<'a>> {
        let text = self.regular();
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            Some((b'+', rest)) => (false, rest),
            _ => (false, text),
        };
        let points = digits.iter().filter(|b| **b == b'.').count();
        let plain = digits.iter().all(|b| b.is_ascii_digit() || *b == b'.');
        if !plain || points > 1 || digits.len() == points || digits.len() > 400 {
            return malformed("a PDF number");
        }
        if points == 1 || digits.len() > 18 {
            return Ok(Number::Real(text));
        }
        let value = digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'));
        Ok(Number::Integer(if negative { -value } else { value }))
    }

    /// A name without its solidus, escapes resolved (7.3.5).
    pub(super) fn name(&mut self) -> Result<Cow<'a, [u8]>> {
        if !self.take(b"/") {
            return malformed("a PDF name");
        }
        let text = self.regular();
        if !text.contains(&b'#') {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = Vec::with_capacity(text.len());
        let mut bytes = text.iter();
        while let Some(byte) = bytes.next() {
            if *byte != b'#' {
                out.push(*byte);
                continue;
            }
            let digits = (bytes.next().and_then(|b| hex_digit(*b)), bytes.next().and_then(|b| hex_digit(*b)));
            match digits {
                (Some(high), Some(low)) if high | low != 0 => out.push(high << 4 | low),
                _ => return malformed("an escape in a PDF name"),
            }
        }
        Ok(Cow::Owned(out))
    }

    /// A literal string `( … )` with its parentheses.
    pub(super) fn literal_string(&mut self) -> Result<&'a [u8]> {
        let start = self.at;
        let mut depth = 0_usize;
        let mut escaped = false;
        for (index, byte) in self.rest().iter().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'(' => depth += 1,
                b')' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at = start + index + 1;
                        return Ok(self.bytes.get(start..self.at).unwrap_or_default());
                    }
                }
                _ => {}
            }
        }
        self.at = self.bytes.len();
        malformed("a PDF string that does not end")
    }

    /// A hexadecimal string `< … >` with its angle brackets.
    pub(super) fn hex_string(&mut self) -> Result<&'a [u8]> {
        let start = self.at;
        let body = self.bytes.get(start + 1..).unwrap_or_default();
        let length = body.iter().position(|b| hexadecimal(*b) > SPACE).unwrap_or(body.len());
        self.at = start + 1 + length;
        if !self.take(b">") {
            return malformed("a hexadecimal PDF string");
        }
        Ok(self.bytes.get(start..self.at).unwrap_or_default())
    }
}

/// What a byte is in a hexadecimal string: its value, [`SPACE`], or more. Signatures are long strings of these.
const HEXADECIMAL: [u8; 256] = {
    let mut table = [u8::MAX; 256];
    let mut byte = 0_u8;
    loop {
        #[allow(
            clippy::indexing_slicing,
            reason = "256 entries, one for each byte; evaluated by the compiler"
        )]
        {
            table[byte as usize] = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                0 | 9 | 10 | 12 | 13 | 32 => SPACE,
                _ => u8::MAX,
            };
        }
        if byte == u8::MAX {
            break table;
        }
        byte += 1;
    }
};
const SPACE: u8 = 16;

fn hexadecimal(byte: u8) -> u8 {
    HEXADECIMAL.get(usize::from(byte)).copied().unwrap_or(u8::MAX)
}

pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    Some(hexadecimal(byte)).filter(|value| *value < SPACE)
}
