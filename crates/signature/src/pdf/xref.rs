//! One cross-reference section (ISO 32000-2 7.5.4, 7.5.8): a table with its trailer, a cross-reference stream, or
//! both (hybrid).
//!
//! Refused: entries that are not exactly 20 bytes, an object that a section names twice, an object number beyond
//! `/Size`, unknown types of entries, a hybrid whose two parts give two places to one object. No repair.

use super::filters;
use super::lexer::{Lexer, Result, malformed};
use super::objects::{Dict, Object, direct, indirect};
use crate::NotASignature;

/// Objects that the sections of a file name together.
pub(super) const MAX_OBJECTS: usize = 1 << 20;

/// Where an object stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Free,
    /// In the file.
    Offset {
        offset: usize,
        generation: u16,
    },
    /// In an object stream. `offset` is where that stream stands; zero until the whole chain is read.
    Compressed {
        container: u32,
        offset: usize,
        index: u32,
    },
}

/// A section as it stands, with its hybrid part merged.
#[derive(Debug)]
pub(super) struct Section<'a> {
    /// Where it begins.
    pub(super) offset: usize,
    /// By object number.
    pub(super) entries: Vec<(u32, Entry)>,
    pub(super) trailer: Dict<'a>,
    pub(super) prev: Option<usize>,
    /// Where the cross-reference stream of a hybrid begins and ends.
    pub(super) hidden: Option<(usize, usize)>,
    /// Whether that stream gives a place to an object that the table calls free: which of them counts, readers do not
    /// agree on.
    pub(super) has_two_answers: bool,
    /// What follows: `startxref`.
    pub(super) after: usize,
}

impl Section<'_> {
    pub(super) fn entry(&self, number: u32) -> Option<Entry> {
        let index = self.entries.binary_search_by_key(&number, |(n, _)| *n).ok()?;
        self.entries.get(index).map(|(_, entry)| *entry)
    }

    /// Adds the entries of a part that belongs to the same update. An object must not have two places.
    pub(super) fn merge(&mut self, other: Vec<(u32, Entry)>) -> Result<()> {
        self.entries.extend(other);
        self.entries.sort_by_key(|(number, _)| *number);
        let (mut conflict, mut replaced) = (false, false);
        self.entries.dedup_by(|later, kept| {
            if later.0 != kept.0 {
                return false;
            }
            match (kept.1, later.1) {
                (Entry::Free, Entry::Free) => {}
                (Entry::Free, entry) => {
                    kept.1 = entry;
                    replaced = true;
                }
                (_, Entry::Free) => {}
                (one, two) => conflict |= one != two,
            }
            true
        });
        if conflict {
            return malformed("an object has two places in one update");
        }
        self.has_two_answers |= replaced;
        Ok(())
    }
}

/// Reads the section at `offset`.
pub(super) fn section(file: &[u8], offset: usize) -> Result<Section<'_>> {
    let mut lexer = Lexer::new(file, offset);
    let mut section = if lexer.keyword(b"xref") { table(lexer, offset)? } else { stream(lexer, offset)? };
    let offset_of = |key: &[u8]| match section.trailer.get(key) {
        None => Ok(None),
        Some(value) => match value.as_integer().and_then(|n| usize::try_from(n).ok()) {
            Some(offset) => Ok(Some(offset)),
            None => malformed("an offset in a trailer"),
        },
    };
    section.prev = offset_of(b"Prev")?;
    if let Some(second) = offset_of(b"XRefStm")? {
        if second >= offset || !Lexer::new(file, offset).starts_with(b"xref") {
            return malformed("the place of a hybrid cross-reference stream");
        }
        let hidden = stream(Lexer::new(file, second), second)?;
        // Common word processors refer from an empty table to the stream of the revision before.
        if hidden.after > offset {
            return malformed("the place of a hybrid cross-reference stream");
        }
        section.hidden = Some((second, hidden.after));
        section.merge(hidden.entries)?;
    }
    Ok(section)
}

fn table<'a>(mut lexer: Lexer<'a>, offset: usize) -> Result<Section<'a>> {
    let mut entries = Vec::new();
    loop {
        lexer.blank();
        if lexer.keyword(b"trailer") {
            break;
        }
        let (Some(first), true, Some(count)) = (lexer.offset(), lexer.take(b" "), lexer.offset()) else {
            return malformed("the head of a cross-reference table");
        };
        lexer.take(b" ");
        if !lexer.end_of_line() {
            return malformed("the head of a cross-reference table");
        }
        enough(entries.len().saturating_add(count))?;
        for number in first..first.saturating_add(count) {
            let (Ok(number), Some(text)) = (u32::try_from(number), lexer.rest().get(..20)) else {
                return malformed("an entry of a cross-reference table");
            };
            let entry = table_entry(text)?;
            // Common viewers take this for a table that should have begun with 0, and count on from there.
            if number == 1 && first == 1 && entry == Entry::Free {
                return malformed("a cross-reference table that begins with a free object 1");
            }
            entries.push((number, entry));
            lexer.at += 20;
        }
    }
    let Object::Dict(trailer) = direct(&mut lexer, 0)? else { return malformed("a trailer") };
    finished(offset, entries, trailer, lexer.at)
}

/// `nnnnnnnnnn ggggg n` and two bytes of line end.
fn table_entry(text: &[u8]) -> Result<Entry> {
    let mut lexer = Lexer::new(text, 0);
    let parts = (lexer.offset(), lexer.at, lexer.take(b" "), lexer.unsigned(), lexer.at, lexer.take(b" "));
    let (Some(offset), 10, true, Some(generation), 16, true) = parts else {
        return malformed("an entry of a cross-reference table");
    };
    match (lexer.rest(), u16::try_from(generation)) {
        ([b'n', b' ' | b'\r', b'\r' | b'\n'], Ok(generation)) => Ok(Entry::Offset { offset, generation }),
        ([b'f', b' ' | b'\r', b'\r' | b'\n'], _) => Ok(Entry::Free),
        _ => malformed("an entry of a cross-reference table"),
    }
}

fn stream<'a>(mut lexer: Lexer<'a>, offset: usize) -> Result<Section<'a>> {
    let (_, object) = indirect(&mut lexer, |_| malformed("the length of a cross-reference stream"))?;
    let Object::Stream(dict, data) = object else { return malformed("a cross-reference section") };
    if !dict.has_name(b"Type", b"XRef") {
        return malformed("a cross-reference section");
    }
    let widths: Option<Vec<usize>> = dict
        .get(b"W")
        .and_then(Object::as_array)
        .unwrap_or_default()
        .iter()
        .map(|w| w.as_integer().and_then(|w| usize::try_from(w).ok()).filter(|w| *w <= 8))
        .collect();
    let Some(&[first, second, third]) = widths.as_deref() else {
        return malformed("the widths of a cross-reference stream");
    };
    let width = first + second + third;
    if second == 0 {
        return malformed("the widths of a cross-reference stream");
    }
    let data = filters::decode(&dict, data, (MAX_OBJECTS + 1) * width)?;
    let size = dict.integer(b"Size").unwrap_or(0);
    // Plain numbers all: who passes over another counts differently from who takes it for zero.
    let index: Option<Vec<i64>> = match dict.get(b"Index") {
        None => Some(vec![0, size]),
        Some(index) => index.as_array().unwrap_or_default().iter().map(Object::as_integer).collect(),
    };
    let Some(index) = index else { return malformed("the index of a cross-reference stream") };
    let mut rows = data.chunks_exact(width);
    let mut entries = Vec::new();
    for pair in index.chunks(2) {
        let [Ok(start), Ok(count)] = *pair.iter().map(|n| u32::try_from(*n)).collect::<Vec<_>>() else {
            return malformed("the index of a cross-reference stream");
        };
        enough(entries.len().saturating_add(usize::try_from(count).unwrap_or(usize::MAX)))?;
        for number in start..start.saturating_add(count) {
            let Some(row) = rows.next() else { return malformed("the index of a cross-reference stream") };
            let (kind, rest) = row.split_at(first);
            let (one, two) = rest.split_at(second);
            entries.push((number, stream_entry(if first == 0 { 1 } else { big(kind) }, big(one), big(two))?));
        }
    }
    if rows.next().is_some() {
        return malformed("the index of a cross-reference stream");
    }
    finished(offset, entries, dict, lexer.at)
}

fn big(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn stream_entry(kind: u64, one: u64, two: u64) -> Result<Entry> {
    let entry = match kind {
        0 => Some(Entry::Free),
        1 => usize::try_from(one)
            .ok()
            .zip(u16::try_from(two).ok())
            .map(|(offset, generation)| Entry::Offset { offset, generation }),
        2 => u32::try_from(one)
            .ok()
            .zip(u32::try_from(two).ok())
            .map(|(container, index)| Entry::Compressed { container, offset: 0, index }),
        _ => None,
    };
    entry.map_or_else(|| malformed("an entry of a cross-reference stream"), Ok)
}

fn enough(count: usize) -> Result<()> {
    if count > MAX_OBJECTS {
        return Err(NotASignature::TooMuch { what: "PDF objects", limit: MAX_OBJECTS });
    }
    Ok(())
}

fn finished<'a>(
    offset: usize,
    mut entries: Vec<(u32, Entry)>,
    trailer: Dict<'a>,
    after: usize,
) -> Result<Section<'a>> {
    entries.sort_by_key(|(number, _)| *number);
    if entries.windows(2).any(|pair| matches!(pair, [a, b] if a.0 == b.0)) {
        return malformed("a cross-reference section names an object twice");
    }
    let size = trailer.integer(b"Size").unwrap_or(0);
    if entries.last().is_some_and(|(number, _)| i64::from(*number) >= size) {
        return malformed("an object number beyond /Size");
    }
    Ok(Section { offset, entries, trailer, prev: None, hidden: None, has_two_answers: false, after })
}
