//! The revisions of a file (ISO 32000-2 7.5.6): the original and its incremental updates, each with its own
//! cross-reference section, `startxref` and `%%EOF`, each wholly behind the one before.
//!
//! A linearized file (annex F) is one revision, although it has two sections. Refused: sections out of order
//! (`/Prev` loops and jumps forward), a section that does not end in its own `startxref` and `%%EOF`, entries that
//! point behind the end of their revision (bytes that nobody had signed yet), encryption, a file that does not
//! begin with its header. Nothing is searched for or repaired: two readers that repair differently see two documents.

use super::lexer::{Lexer, Result, is_space, malformed};
use super::xref::{self, Entry, MAX_OBJECTS, Section};
use crate::NotASignature;

/// Revisions of a file.
pub(super) const MAX_REVISIONS: usize = 256;
/// The last `startxref` stands within so many bytes of the end.
const TAIL: usize = 128;

/// One revision.
#[derive(Debug)]
pub(super) struct Revision<'a> {
    pub(super) section: Section<'a>,
    /// Behind its `%%EOF`, without the line end.
    pub(super) end: usize,
}

/// Where the object stands by the newest of these revisions that names it.
pub(super) fn lookup(revisions: &[Revision<'_>], number: u32) -> Option<Entry> {
    revisions.iter().find_map(|revision| revision.section.entry(number))
}

/// Reads the chain of sections, newest first.
pub(super) fn read(file: &[u8]) -> Result<Vec<Revision<'_>>> {
    if !(file.starts_with(b"%PDF-1.") || file.starts_with(b"%PDF-2.")) {
        return malformed("not a PDF");
    }
    let mut revisions: Vec<Revision<'_>> = Vec::new();
    let mut objects = 0_usize;
    let mut next = Some(last_startxref(file)?);
    let mut bound = file.len();
    while let Some(offset) = next {
        if offset >= bound {
            return malformed("cross-reference sections out of order");
        }
        let mut section = xref::section(file, offset)?;
        let (named, end);
        match section.prev {
            Some(main) if main > offset => {
                let second = xref::section(file, main)?;
                if second.prev.is_some() {
                    return malformed("cross-reference sections out of order");
                }
                (named, end) = tail(file, second.after)?;
                section.merge(second.entries)?;
                next = None;
            }
            prev => {
                (named, end) = tail(file, section.after)?;
                next = prev;
            }
        }
        if named != offset || end > bound {
            return malformed("the end of a revision");
        }
        if section.trailer.get(b"Encrypt").is_some() {
            return malformed(
                "the PDF is encrypted; decrypt it with the program that made it, or ask for an open copy",
            );
        }
        objects += section.entries.len();
        if objects > MAX_OBJECTS {
            return Err(NotASignature::TooMuch { what: "PDF objects", limit: MAX_OBJECTS });
        }
        if revisions.len() >= MAX_REVISIONS {
            return Err(NotASignature::TooMuch { what: "revisions of a PDF", limit: MAX_REVISIONS });
        }
        bound = offset;
        revisions.push(Revision { section, end });
    }
    containers(&mut revisions)?;
    for revision in &revisions {
        let behind = |entry: &Entry| matches!(entry, Entry::Offset { offset, .. } if *offset >= revision.end);
        if revision.section.entries.iter().any(|(_, entry)| behind(entry)) {
            return malformed("an object behind the end of its revision");
        }
    }
    Ok(revisions)
}

/// The number after the last `startxref`, behind which only `%%EOF` and white space follow.
fn last_startxref(file: &[u8]) -> Result<usize> {
    let end = file.iter().rposition(|b| !is_space(*b)).map_or(0, |last| last + 1);
    let start = end.saturating_sub(TAIL);
    let window = file.get(start..end).unwrap_or_default();
    let found = window.windows(9).rposition(|word| word == b"startxref");
    match found.map(|at| tail(file, start + at)) {
        Some(Ok((offset, behind))) if behind == end => Ok(offset),
        _ => malformed("the file does not end as a PDF does"),
    }
}

/// Reads `startxref`, a number and `%%EOF`: the number, and where they end.
fn tail(file: &[u8], at: usize) -> Result<(usize, usize)> {
    let mut lexer = Lexer::new(file, at);
    lexer.spaces();
    if lexer.keyword(b"startxref") {
        lexer.spaces();
        if let Some(offset) = lexer.offset() {
            lexer.spaces();
            if lexer.take(b"%%EOF") {
                return Ok((offset, lexer.at));
            }
        }
    }
    malformed("the end of a cross-reference section")
}

/// Finds where the object streams stand, and refuses to see one replaced.
fn containers(revisions: &mut [Revision<'_>]) -> Result<()> {
    for index in 0..revisions.len() {
        let (newer, here) = revisions.split_at_mut(index);
        let mut places: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
        let compressed: std::collections::BTreeSet<u32> = here
            .first()
            .into_iter()
            .flat_map(|revision| &revision.section.entries)
            .filter_map(|(_, entry)| match entry {
                Entry::Compressed { container, .. } => Some(*container),
                _ => None,
            })
            .collect();
        for container in compressed {
            let Some(place @ Entry::Offset { offset, generation: 0 }) = lookup(here, container) else {
                return malformed("an object stream that is not in the file");
            };
            if lookup(newer, container).is_some_and(|later| later != place) {
                return malformed("an object stream was replaced");
            }
            places.insert(container, offset);
        }
        let Some(revision) = here.first_mut() else { continue };
        for (_, entry) in &mut revision.section.entries {
            if let Entry::Compressed { container, offset, .. } = entry {
                *offset = places.get(container).copied().unwrap_or_default();
            }
        }
    }
    Ok(())
}
