//! The bytes of later revisions: objects that their cross-reference sections name, and nothing between them.

use super::super::lexer::{Lexer, is_space};
use super::super::objects::Id;
use super::super::reader::{Reader, State};
use super::super::xref::Entry;
use super::{Outcome, refused};

/// Whether anything but white space follows the last revision.
pub(in super::super) fn has_bytes_behind(reader: &Reader<'_>) -> bool {
    let end = reader.revisions.first().map_or(0, |revision| revision.end);
    reader.file.get(end..).unwrap_or_default().iter().any(|byte| !is_space(*byte))
}

/// Every revision newer than `old` consists of its own objects.
pub(super) fn check(reader: &Reader<'_>, old: State) -> Outcome {
    for state in 0..old {
        let (Some(revision), Some(before)) = (reader.revisions.get(state), reader.revisions.get(state + 1))
        else {
            return refused("a revision");
        };
        let section = &revision.section;
        let mut spans = vec![(section.offset, section.after)];
        spans.extend(section.hidden.filter(|(start, _)| *start >= before.end));
        for (number, entry) in &section.entries {
            match *entry {
                Entry::Offset { offset, generation } if offset >= before.end && offset != section.offset => {
                    let id = Id { number: *number, generation };
                    spans.push((offset, reader.at(offset, id, state)?.1));
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
            end = next;
        }
    }
    Ok(())
}

/// White space and comments in which nobody can see an object.
fn is_blank(gap: &[u8]) -> bool {
    let mut lexer = Lexer::new(gap, 0);
    lexer.blank();
    lexer.at == gap.len() && !gap.windows(3).any(|word| word == b"obj")
}
