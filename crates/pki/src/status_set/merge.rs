//! Two sets side by side, in one pass through both: what differs, and what they share. Where both have a bitmap, 64 serial
//! numbers are looked at by one comparison, so that two lists of many millions that differ little take a moment.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::cursor::Cursor;
use super::view::{Fact, View};
use super::{Key, Moment};

/// What one set says otherwise than an older one.
pub(crate) struct Changes<'a> {
    older: Cursor<'a>,
    newer: Cursor<'a>,
    found: VecDeque<Changed>,
}

pub(crate) type Changed = (Key, Option<Moment>, Option<Moment>);

impl<'a> Changes<'a> {
    pub(crate) fn between(older: View<'a>, newer: View<'a>) -> Self {
        Self { older: Cursor::start(older), newer: Cursor::start(newer), found: VecDeque::new() }
    }

    /// Passes a word that both have; `None` if they do not both stand before the same one.
    #[inline]
    fn words(&mut self) -> Option<()> {
        let (older, newer) = (self.older.whole_word()?, self.newer.whole_word()?);
        if older.first != newer.first {
            return None;
        }
        let (old_at, new_at) = (self.older.passed_dense(), self.newer.passed_dense());
        let count = |members: u64| super::narrow(u64::from(members.count_ones()));
        let same = older.members == newer.members
            && self.newer.view.same_facts(new_at, &self.older.view, old_at, count(newer.members));
        if !same {
            let mut either = older.members | newer.members;
            while either != 0 {
                let bit = either & either.wrapping_neg();
                let of = |view: &View<'_>, members: u64, at: usize| {
                    (members & bit != 0).then(|| view.moment(Fact(at + count(members & (bit - 1)))))
                };
                let before = of(&self.older.view, older.members, old_at);
                let after = of(&self.newer.view, newer.members, new_at);
                if before != after {
                    let key = Key::Short(older.first + u64::from(bit.trailing_zeros()));
                    self.found.push_back((key, before, after));
                }
                either &= either.wrapping_sub(1);
            }
        }
        self.older.pass_word();
        self.newer.pass_word();
        Some(())
    }
}

impl Iterator for Changes<'_> {
    type Item = Changed;

    fn next(&mut self) -> Option<Changed> {
        loop {
            if let Some(changed) = self.found.pop_front() {
                return Some(changed);
            }
            if self.words().is_some() {
                continue;
            }
            let (older, newer) = (self.older.peek(), self.newer.peek());
            let order = match (&older, &newer) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            let before = older.filter(|_| order.is_le());
            let after = newer.filter(|_| order.is_ge());
            if before.is_some() {
                self.older.pass();
            }
            if after.is_some() {
                self.newer.pass();
            }
            let key = before.or(after).map(|(key, _)| key)?;
            let before = before.map(|(_, fact)| self.older.view.moment(fact));
            let after = after.map(|(_, fact)| self.newer.view.moment(fact));
            if before != after {
                return Some((key, before, after));
            }
        }
    }
}

/// The members that two sets share, with the facts of the first.
pub(crate) struct Shared<'a> {
    first: Cursor<'a>,
    second: Cursor<'a>,
    /// Of a word that both have: its first serial number, the members of the first set, where their facts lie, and the
    /// shared members that are still to be given.
    word: (u64, u64, usize, u64),
}

impl<'a> Shared<'a> {
    pub(crate) fn of(first: View<'a>, second: View<'a>) -> Self {
        Self { first: Cursor::start(first), second: Cursor::start(second), word: (0, 0, 0, 0) }
    }
}

impl Iterator for Shared<'_> {
    type Item = (Key, Fact);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (start, members, at, shared) = self.word;
            if shared != 0 {
                let bit = shared & shared.wrapping_neg();
                self.word.3 = shared & shared.wrapping_sub(1);
                let fact = Fact(at + super::narrow(u64::from((members & (bit - 1)).count_ones())));
                return Some((Key::Short(start + u64::from(bit.trailing_zeros())), fact));
            }
            if let (Some(a), Some(b)) = (self.first.whole_word(), self.second.whole_word())
                && a.first == b.first
            {
                self.word = (a.first, a.members, self.first.passed_dense(), a.members & b.members);
                self.first.pass_word();
                self.second.pass_word();
                continue;
            }
            let ((a, fact), (b, _)) = (self.first.peek()?, self.second.peek()?);
            match a.cmp(&b) {
                Ordering::Less => self.first.pass(),
                Ordering::Greater => self.second.pass(),
                Ordering::Equal => {
                    self.first.pass();
                    self.second.pass();
                    return Some((a, fact));
                }
            }
        }
    }
}
