//! Walking through a set in the order of serial numbers, from any position.

use super::view::{Chunk, Fact, View};
use super::{Key, narrow, wide};

/// Stands before one entry.
#[derive(Clone)]
pub(crate) struct Cursor<'a> {
    pub(super) view: View<'a>,
    /// The chunk that it is in, or the next one.
    chunk: usize,
    inside: Option<Chunk>,
    /// Of the chunk: the word that it is in, and the members there that are still to come.
    word: usize,
    bits: u64,
    /// How many entries of each kind it has passed.
    dense: usize,
    sparse: usize,
    long: usize,
}

/// A word of a dense chunk of which every member is still to come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct WholeWord {
    pub(super) first: u64,
    pub(super) members: u64,
}

impl<'a> Cursor<'a> {
    pub(crate) fn start(view: View<'a>) -> Self {
        Self { view, chunk: 0, inside: None, word: 0, bits: 0, dense: 0, sparse: 0, long: 0 }
    }

    /// Before the entry at a position.
    pub(crate) fn at(view: View<'a>, position: usize) -> Self {
        let mut cursor = Self::start(view);
        let short = view.dense + view.sparse.len();
        if position >= short {
            cursor.chunk = view.chunks.len();
            (cursor.dense, cursor.sparse, cursor.long) = (view.dense, view.sparse.len(), position - short);
            return cursor;
        }
        let Some((at, behind)) = view.chunk_at(position) else {
            cursor.sparse = position;
            return cursor;
        };
        let (Some(chunk), members) = (view.chunk(at), view.members_of(at)) else { return cursor };
        if behind >= members {
            cursor.chunk = at + 1;
            (cursor.dense, cursor.sparse) = (chunk.dense + members, chunk.sparse + behind - members);
            return cursor;
        }
        let (word, before) = view.word_of_rank(at, behind);
        (cursor.chunk, cursor.inside, cursor.word) = (at, Some(chunk), word);
        (cursor.dense, cursor.sparse, cursor.bits) =
            (chunk.dense + before, chunk.sparse, view.word(at, word));
        for _ in before..behind {
            cursor.next();
        }
        cursor
    }

    /// Goes to the next word that has a member; `None` between chunks, before sparse and long ones.
    #[inline]
    fn dense(&mut self) -> Option<Chunk> {
        loop {
            let Some(chunk) = self.inside else {
                let next = self.view.chunk(self.chunk)?;
                if self.sparse < next.sparse {
                    return None;
                }
                (self.inside, self.word, self.bits) = (Some(next), 0, self.view.word(self.chunk, 0));
                continue;
            };
            while self.bits == 0 && self.word < 1023 {
                self.word += 1;
                self.bits = self.view.word(self.chunk, self.word);
            }
            if self.bits != 0 {
                return Some(chunk);
            }
            (self.inside, self.chunk) = (None, self.chunk + 1);
        }
    }

    /// The next entry, without passing it.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<(Key, Fact)> {
        if let Some(chunk) = self.dense() {
            let low = wide(64 * self.word) | u64::from(self.bits.trailing_zeros());
            return Some((Key::Short(chunk.key << 16 | low), Fact(self.dense)));
        }
        if let Some(serial) = self.view.sparse_at(self.sparse) {
            return Some((Key::Short(serial), Fact(self.view.dense + self.sparse)));
        }
        let serial = self.view.long.get(self.long)?;
        Some((Key::Long(*serial), Fact(self.view.dense + self.view.sparse.len() + self.long)))
    }

    /// If it stands before the first member of a word of a chunk: that word.
    #[inline]
    pub(super) fn whole_word(&mut self) -> Option<WholeWord> {
        let chunk = self.dense()?;
        let members = self.view.word(self.chunk, self.word);
        let first = chunk.key << 16 | wide(64 * self.word);
        (members == self.bits).then_some(WholeWord { first, members })
    }

    /// How many dense members it has passed: where the facts of the next ones lie.
    pub(super) fn passed_dense(&self) -> usize {
        self.dense
    }

    /// Passes the rest of a word.
    #[inline]
    pub(super) fn pass_word(&mut self) {
        self.dense += narrow(u64::from(self.bits.count_ones()));
        self.bits = 0;
    }

    /// Passes the entry that [`peek`](Self::peek) gave.
    #[inline]
    pub(super) fn pass(&mut self) {
        if self.inside.is_some() {
            self.bits &= self.bits.wrapping_sub(1);
            self.dense += 1;
        } else if self.sparse < self.view.sparse.len() {
            self.sparse += 1;
        } else {
            self.long += 1;
        }
    }
}

impl Iterator for Cursor<'_> {
    type Item = (Key, Fact);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.peek()?;
        self.pass();
        Some(entry)
    }
}
