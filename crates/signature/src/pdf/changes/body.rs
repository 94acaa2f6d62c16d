//! The bytes of later revisions: objects that their cross-reference sections name, and nothing between them; nor in
//! them what a viewer that repairs would take for an object or a trailer, wherever it stands (streams, strings,
//! comments): the signed objects could be replaced there without a word.

use super::super::lexer::{Lexer, is_space};
use super::super::objects::Id;
use super::super::reader::{Reader, State};
use super::super::xref::{Entry, Section};
use super::{Outcome, refused};

/// White space behind the last revision. Behind more, viewers do not find its end, and repair.
const MAX_SPACE_BEHIND: usize = 512;

/// Whether anything but some white space follows the last revision.
pub(in super::super) fn has_bytes_behind(reader: &Reader<'_>) -> bool {
    let end = reader.revisions.first().map_or(0, |revision| revision.end);
    let behind = reader.file.get(end..).unwrap_or_default();
    behind.len() > MAX_SPACE_BEHIND || behind.iter().any(|byte| !is_space(*byte))
}

/// Every revision newer than `old` consists of its own objects.
pub(super) fn check(reader: &Reader<'_>, old: State) -> Outcome {
    for state in 0..old {
        let (Some(revision), Some(before)) = (reader.revisions.get(state), reader.revisions.get(state + 1))
        else {
            return refused("a revision");
        };
        let section = &revision.section;
        if section.has_two_answers {
            return refused("an object that is free to some readers");
        }
        let names = reader.revisions.iter().skip(state).filter_map(|r| r.section.entries.last());
        let largest = names.map(|(number, _)| i64::from(*number)).max();
        if section.trailer.integer(b"Size") <= largest {
            return refused("objects beyond /Size of a later revision");
        }
        let mut spans = vec![(section.offset, section.after)];
        spans.extend(section.hidden.filter(|(start, _)| *start >= before.end));
        for (number, entry) in &section.entries {
            match *entry {
                Entry::Offset { offset, generation } if offset >= before.end && offset != section.offset => {
                    let id = Id { number: *number, generation };
                    let (object, end) = reader.at(offset, id, state)?;
                    spans.push((offset, end));
                    if object.dict().is_some_and(|dict| dict.has_name(b"Type", b"ObjStm")) {
                        check_object_stream(reader, section, *number, offset)?;
                    }
                }
                _ => {}
            }
        }
        spans.sort_unstable();
        spans.dedup();
        let mut end = before.end;
        for (start, next) in spans {
            let gap = reader.file.get(end..start);
            if !gap.is_some_and(is_blank) {
                return refused("bytes between the objects of a later revision");
            }
            let span = reader.file.get(start..next).unwrap_or_default();
            reader.charge(span.len())?;
            if has_more_heads(span) {
                return refused("text in a later revision that reads as an object or a trailer");
            }
            end = next;
        }
    }
    Ok(())
}

/// The section names every object of the stream, and names it there: who repairs takes them all.
fn check_object_stream(reader: &Reader<'_>, section: &Section<'_>, number: u32, at: usize) -> Outcome {
    let is_named = |inside: &u32| matches!(section.entry(*inside), Some(Entry::Compressed { offset, .. }) if offset == at);
    match reader.numbers_in(number, at)? {
        Some(numbers) if numbers.iter().all(is_named) => Ok(()),
        _ => refused("an object stream with objects that are not named"),
    }
}

/// White space and comments in which nobody can see an object.
fn is_blank(gap: &[u8]) -> bool {
    let mut lexer = Lexer::new(gap, 0);
    lexer.blank();
    lexer.at == gap.len() && !gap.windows(3).any(|word| word == b"obj")
}

/// Whether more than the head of this object, or than the one trailer of this table, reads as such.
fn has_more_heads(span: &[u8]) -> bool {
    let (objects, trailers) = if span.starts_with(b"xref") { (0, 1) } else { (1, 0) };
    let places = |word: &'static [u8]| {
        let found = span.windows(word.len()).enumerate().filter(move |(_, window)| *window == word);
        found.map(|(at, _)| span.split_at(at))
    };
    let heads = places(b"obj").filter(|(before, _)| ends_in_two_numbers(before)).take(2).count();
    let tails = places(b"trailer")
        .filter(|(_, from)| from.get(7..).unwrap_or_default().trim_ascii_start().starts_with(b"<<"));
    heads > objects || tails.take(2).count() > trailers
}

/// `number generation`, before the `obj` that was found.
fn ends_in_two_numbers(before: &[u8]) -> bool {
    let without = |text: &[u8], is: fn(u8) -> bool| {
        let rest = text.iter().rposition(|b| !is(*b)).map_or(0, |last| last + 1);
        (rest, rest < text.len())
    };
    let digit = |byte: u8| byte.is_ascii_digit();
    let (end, _) = without(before, is_space);
    let generation = before.get(..end).unwrap_or_default();
    let (end, has_generation) = without(generation, digit);
    let spaces = generation.get(..end).unwrap_or_default();
    let (end, has_space) = without(spaces, is_space);
    has_generation && has_space && spaces.get(..end).and_then(<[u8]>::last).is_some_and(|b| digit(*b))
}
