//! Whether what is reached from two values is the same at two states of a file. Goes by the objects, not by the
//! structure: what an object means does not matter where all of it must be the same.

use std::collections::BTreeSet;

use super::super::objects::{Dict, Id, Object};
use super::super::reader::{Reader, State};
use super::{Outcome, refused};

pub(super) struct Equal<'r, 'a> {
    reader: &'r Reader<'a>,
    old: State,
    /// Objects that were compared, or will be.
    seen: BTreeSet<u32>,
    /// The same, in the order of their coming.
    visited: Vec<u32>,
    queue: Vec<Id>,
    pages: Vec<Id>,
    /// Objects that are compared by a rule of their own, wherever they are reached.
    apart: BTreeSet<u32>,
}

impl<'r, 'a> Equal<'r, 'a> {
    pub(super) fn new(reader: &'r Reader<'a>, old: State) -> Self {
        Self {
            reader,
            old,
            seen: BTreeSet::new(),
            visited: Vec::new(),
            queue: Vec::new(),
            pages: Vec::new(),
            apart: BTreeSet::new(),
        }
    }

    /// The object is compared by a rule of its own; returns whether that is new. Only for dictionaries whose keys
    /// that may change mean nothing anywhere else: the catalog and form fields.
    pub(super) fn set_apart(&mut self, id: Id) -> bool {
        self.apart.insert(id.number)
    }

    /// Compares two values; what they refer to is queued.
    pub(super) fn same(&mut self, old: Option<&Object<'_>>, new: Option<&Object<'_>>) -> Outcome<bool> {
        let same = match (old, new) {
            (None, None) => true,
            (Some(old), Some(new)) => match (old, new) {
                (Object::Ref(a), Object::Ref(b)) => {
                    if a == b {
                        self.visit(*a);
                    }
                    a == b
                }
                (Object::Array(a), Object::Array(b)) => {
                    if a.len() != b.len() {
                        return Ok(false);
                    }
                    for (a, b) in a.iter().zip(b) {
                        if !self.same(Some(a), Some(b))? {
                            return Ok(false);
                        }
                    }
                    true
                }
                (Object::Dict(a), Object::Dict(b)) => self.same_dict(a, b)?,
                (Object::Stream(a, one), Object::Stream(b, two)) => one == two && self.same_dict(a, b)?,
                (Object::Text(a), Object::Text(b)) => a.raw == b.raw || a.decoded() == b.decoded(),
                (Object::Null, Object::Null) => true,
                (Object::Bool(a), Object::Bool(b)) => a == b,
                (Object::Integer(a), Object::Integer(b)) => a == b,
                (Object::Real(a), Object::Real(b)) => a == b,
                (Object::Name(a), Object::Name(b)) => a == b,
                _ => false,
            },
            _ => false,
        };
        Ok(same)
    }

    fn same_dict(&mut self, old: &Dict<'_>, new: &Dict<'_>) -> Outcome<bool> {
        if old.len() != new.len() {
            return Ok(false);
        }
        for ((key, a), (other, b)) in old.iter().zip(new.iter()) {
            if key != other || !self.same(Some(a), Some(b))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn visit(&mut self, id: Id) {
        if !self.apart.contains(&id.number) && self.seen.insert(id.number) {
            self.visited.push(id.number);
            self.queue.push(id);
        }
    }

    fn visit_all(&mut self, object: &Object<'_>) {
        match object {
            Object::Ref(id) => self.visit(*id),
            Object::Array(items) => items.iter().for_each(|item| self.visit_all(item)),
            Object::Dict(dict) | Object::Stream(dict, _) => {
                dict.iter().for_each(|(_, value)| self.visit_all(value));
            }
            _ => {}
        }
    }

    /// Compares what is queued; `false` at the first difference. Pages are put aside.
    fn compare_queue(&mut self) -> Outcome<bool> {
        while let Some(id) = self.queue.pop() {
            if self.apart.contains(&id.number) {
                continue;
            }
            let unchanged = self.reader.entry(self.old, id.number) == self.reader.entry(0, id.number);
            let object = self.reader.load(0, id)?;
            if is_page(&object) {
                self.pages.push(id);
            } else if unchanged {
                self.visit_all(&object);
            } else {
                let before = self.reader.load(self.old, id)?;
                if !self.same(Some(&before), Some(&object))? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Compares all that is queued, then gives the next page that was reached.
    pub(super) fn next_page(&mut self) -> Outcome<Option<Id>> {
        if !self.compare_queue()? {
            return refused("an object of the document was changed");
        }
        Ok(self.pages.pop())
    }

    /// Compares two values with all that they refer to, at once. If they differ, nothing of it counts as compared; what
    /// was queued before counts as the same here, since it is compared in the end.
    pub(super) fn identical(&mut self, old: Option<&Object<'_>>, new: Option<&Object<'_>>) -> Outcome<bool> {
        let queue = core::mem::take(&mut self.queue);
        let (visited, pages) = (self.visited.len(), self.pages.len());
        let same = match self.same(old, new) {
            Ok(true) => self.compare_queue(),
            other => other,
        };
        self.queue = queue;
        if !matches!(same, Ok(true)) {
            self.pages.truncate(pages);
            for number in self.visited.drain(visited..) {
                self.seen.remove(&number);
            }
        }
        same
    }
}

/// Not a stream: what is painted cannot say to be a page.
fn is_page(object: &Object<'_>) -> bool {
    object.as_dict().is_some_and(|dict| dict.has_name(b"Type", b"Page"))
}
