//! Objects by number, as of any revision of the file. Lazy: an object is read when it is asked for, object streams
//! once.
//!
//! Refused: a reference of another generation, an object that is not where the table says, an object stream that a
//! later update replaces (its old objects would change without a word) or that has an object twice, and more work than is in proportion to
//! the file ([`Reader::charge`]).

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

use super::filters;
use super::lexer::{Lexer, MAX_ITEMS, Result, malformed};
use super::objects::{Dict, Id, Object, indirect, value};
use super::revisions::{self, Revision};
use super::xref::Entry;
use crate::NotASignature;

/// Bytes that come out of one object stream.
const MAX_CONTAINER: usize = 16 << 20;
/// Bytes that come out of all compressed streams, beside four times the file.
const MAX_INFLATED: usize = 64 << 20;
/// How often every byte of a file may be read, on average.
const READINGS: usize = 32;

/// A state of the file: the index of the newest revision that counts, zero for the file as it is.
pub(super) type State = usize;

pub(super) struct Reader<'a> {
    pub(super) file: &'a [u8],
    /// Newest first.
    pub(super) revisions: Vec<Revision<'a>>,
    containers: BTreeMap<usize, OnceCell<Container<'a>>>,
    fuel: Cell<usize>,
    /// Bytes that may still come out of compressed streams.
    left: Cell<usize>,
}

struct Container<'a> {
    data: Cow<'a, [u8]>,
    /// Number and offset of each object.
    index: Vec<(u32, usize)>,
}

/// What the items that were read cost beside their bytes: `0 0 0` takes longer than a string of that length (measured:
/// twenty times).
fn weight(lexer: &Lexer<'_>) -> usize {
    MAX_ITEMS.saturating_sub(lexer.left).saturating_mul(8)
}

impl<'a> Reader<'a> {
    pub(super) fn open(file: &'a [u8]) -> Result<Self> {
        let revisions = revisions::read(file)?;
        let mut containers = BTreeMap::new();
        for (_, entry) in revisions.iter().flat_map(|revision| &revision.section.entries) {
            if let Entry::Compressed { offset, .. } = entry {
                containers.entry(*offset).or_insert_with(OnceCell::new);
            }
        }
        let fuel = file.len().saturating_mul(READINGS).saturating_add(16 << 20);
        let left = file.len().saturating_mul(4).saturating_add(MAX_INFLATED);
        Ok(Self { file, revisions, containers, fuel: Cell::new(fuel), left: Cell::new(left) })
    }

    /// Where the object stands at this state.
    pub(super) fn entry(&self, state: State, number: u32) -> Option<Entry> {
        revisions::lookup(self.revisions.get(state..).unwrap_or_default(), number)
    }

    /// The numbers of all objects that are in use.
    pub(super) fn numbers(&self) -> Vec<Id> {
        let mut numbers: Vec<u32> =
            self.revisions.iter().flat_map(|r| r.section.entries.iter().map(|(number, _)| *number)).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let in_use = |number: u32| match self.entry(0, number)? {
            Entry::Free => None,
            Entry::Offset { generation, .. } => Some(Id { number, generation }),
            Entry::Compressed { .. } => Some(Id { number, generation: 0 }),
        };
        numbers.into_iter().filter_map(in_use).collect()
    }

    /// The indirect object; `null` for one that is not there (7.3.10).
    pub(super) fn load(&self, state: State, id: Id) -> Result<Object<'_>> {
        match self.entry(state, id.number) {
            None | Some(Entry::Free) => Ok(Object::Null),
            Some(Entry::Offset { generation, .. }) if generation != id.generation => {
                malformed("a reference to another generation of an object")
            }
            Some(Entry::Offset { offset, .. }) => self.at(offset, id, state).map(|(object, _)| object),
            Some(Entry::Compressed { .. }) if id.generation != 0 => {
                malformed("a reference to another generation of an object")
            }
            Some(Entry::Compressed { container, offset, index }) => {
                self.compressed(id.number, container, offset, index)
            }
        }
    }

    /// The object at an offset, and where it ends.
    pub(super) fn at(&self, offset: usize, id: Id, state: State) -> Result<(Object<'a>, usize)> {
        let mut lexer = Lexer::new(self.file, offset);
        let mut skipped = 0;
        let read = indirect(&mut lexer, |length| self.length(state, length));
        if let Ok((_, Object::Stream(_, data))) = &read {
            skipped = data.len();
        }
        self.charge((lexer.at - offset).saturating_sub(skipped).saturating_add(weight(&lexer)))?;
        let (found, object) = read?;
        if found != id {
            return malformed("the cross-reference table points at another object");
        }
        Ok((object, lexer.at))
    }

    /// Follows a reference. No object is a reference itself.
    pub(super) fn resolve<'r>(&'r self, state: State, object: Option<&Object<'r>>) -> Result<Object<'r>> {
        match object {
            None => Ok(Object::Null),
            Some(Object::Ref(id)) => self.load(state, *id),
            Some(other) => Ok(other.clone()),
        }
    }

    /// The items of an array, which may be an object of its own; none if it is not there. What is no array is refused:
    /// a viewer may make one of it.
    pub(super) fn resolve_array<'r>(
        &'r self,
        state: State,
        object: Option<&Object<'r>>,
    ) -> Result<Vec<Object<'r>>> {
        match self.resolve(state, object)? {
            Object::Array(items) => Ok(items),
            Object::Null => Ok(Vec::new()),
            _ => malformed("a PDF array that is none"),
        }
    }

    /// A stream, which is always in the file itself.
    pub(super) fn stream(&self, state: State, id: Id) -> Result<Option<(Dict<'a>, &'a [u8])>> {
        match self.entry(state, id.number) {
            Some(Entry::Offset { offset, generation }) if generation == id.generation => {
                match self.at(offset, id, state)? {
                    (Object::Stream(dict, data), _) => Ok(Some((dict, data))),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    pub(super) fn trailer(&self, state: State) -> Result<&Dict<'a>> {
        let revision = self.revisions.get(state);
        revision.map_or_else(|| malformed("a revision"), |revision| Ok(&revision.section.trailer))
    }

    /// The document catalog.
    pub(super) fn catalog(&self, state: State) -> Result<Dict<'_>> {
        match self.trailer(state)?.get(b"Root") {
            Some(Object::Ref(id)) => match self.load(state, *id)? {
                Object::Dict(catalog) if catalog.has_name(b"Type", b"Catalog") => Ok(catalog),
                _ => malformed("the document catalog"),
            },
            _ => malformed("the document catalog"),
        }
    }

    /// The decoded data of a stream, at most `limit` bytes.
    pub(super) fn decode<'s>(&self, dict: &Dict<'_>, data: &'s [u8], limit: usize) -> Result<Cow<'s, [u8]>> {
        let left = self.left.get();
        let data = filters::decode(dict, data, limit.min(left))?;
        if let Cow::Owned(inflated) = &data {
            self.left.set(left.saturating_sub(inflated.len()));
        }
        Ok(data)
    }

    /// Counts work, so that a file cannot cost more than in proportion to its size.
    pub(super) fn charge(&self, bytes: usize) -> Result<()> {
        let left = self.fuel.get().checked_sub(bytes.saturating_add(16));
        self.fuel.set(left.unwrap_or(0));
        match left {
            Some(_) => Ok(()),
            None => Err(NotASignature::TooMuch { what: "readings of a PDF", limit: READINGS }),
        }
    }

    /// An indirect `/Length`, which must be a plain integer.
    fn length(&self, state: State, id: Id) -> Result<usize> {
        let object = match self.entry(state, id.number) {
            Some(Entry::Offset { offset, .. }) => {
                let mut lexer = Lexer::new(self.file, offset);
                match indirect(&mut lexer, |_| malformed("the length of a PDF stream"))? {
                    (found, object) if found == id => object,
                    _ => return malformed("the length of a PDF stream"),
                }
            }
            Some(Entry::Compressed { container, offset, index }) => {
                self.compressed(id.number, container, offset, index)?
            }
            _ => Object::Null,
        };
        let length = object.as_integer().and_then(|n| usize::try_from(n).ok());
        length.map_or_else(|| malformed("the length of a PDF stream"), Ok)
    }

    /// The numbers of the objects in the object stream at an offset; `None` if the file names none of them.
    pub(super) fn numbers_in(&self, container: u32, offset: usize) -> Result<Option<Vec<u32>>> {
        if !self.containers.contains_key(&offset) {
            return Ok(None);
        }
        let container = self.opened(container, offset)?;
        Ok(Some(container.index.iter().map(|(number, _)| *number).collect()))
    }

    fn opened(&self, container: u32, offset: usize) -> Result<&Container<'a>> {
        let Some(cell) = self.containers.get(&offset) else { return malformed("an object stream") };
        match cell.get() {
            Some(container) => Ok(container),
            None => {
                let read = self.container(container, offset)?;
                Ok(cell.get_or_init(|| read))
            }
        }
    }

    fn compressed(&self, number: u32, container: u32, offset: usize, index: u32) -> Result<Object<'_>> {
        let container = self.opened(container, offset)?;
        let place = usize::try_from(index).ok().and_then(|index| container.index.get(index));
        let Some((_, at)) = place.filter(|(n, _)| *n == number) else {
            return malformed("the cross-reference stream points at another object");
        };
        // Up to the next object (7.5.7): some readers cut there, so that an object that goes on is another to them.
        let next = container.index.get(usize::try_from(index).unwrap_or(usize::MAX).saturating_add(1));
        let data = next.and_then(|(_, end)| container.data.get(..*end)).unwrap_or(&container.data);
        let mut lexer = Lexer::new(data, *at);
        let object = value(&mut lexer);
        self.charge(lexer.at.saturating_sub(*at).saturating_add(weight(&lexer)))?;
        object
    }

    fn container(&self, number: u32, offset: usize) -> Result<Container<'a>> {
        let mut lexer = Lexer::new(self.file, offset);
        let (id, object) = indirect(&mut lexer, |length| self.length_of_container(length))?;
        let Object::Stream(dict, data) = object else { return malformed("an object stream") };
        if id != (Id { number, generation: 0 }) || !dict.has_name(b"Type", b"ObjStm") {
            return malformed("an object stream");
        }
        let data = self.decode(&dict, data, MAX_CONTAINER)?;
        self.charge(data.len())?;
        let whole = |key: &[u8]| dict.integer(key).and_then(|n| usize::try_from(n).ok());
        let (Some(count), Some(first)) = (whole(b"N"), whole(b"First")) else {
            return malformed("an object stream");
        };
        let mut lexer = Lexer::new(data.get(..first).unwrap_or_default(), 0);
        let mut index = Vec::new();
        for _ in 0..count {
            lexer.spaces();
            let number = lexer.unsigned().and_then(|n| u32::try_from(n).ok());
            lexer.spaces();
            let at = lexer.offset().and_then(|at| first.checked_add(at));
            match number.zip(at) {
                Some(entry) => index.push(entry),
                None => return malformed("the index of an object stream"),
            }
        }
        if !index.is_sorted_by(|(_, before), (_, behind)| before < behind) {
            return malformed("the index of an object stream");
        }
        let mut numbers: Vec<u32> = index.iter().map(|(number, _)| *number).collect();
        numbers.sort_unstable();
        // By place or by number, the first or the last: readers differ.
        if numbers.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return malformed("an object stream has an object twice");
        }
        Ok(Container { data, index })
    }

    /// Of an object stream: it must be the same at every revision, since nothing else refers to the stream.
    fn length_of_container(&self, id: Id) -> Result<usize> {
        let places = self.revisions.iter().filter_map(|revision| revision.section.entry(id.number));
        match places.collect::<Vec<_>>().as_slice() {
            [Entry::Offset { .. }] => self.length(0, id),
            _ => malformed("the length of an object stream"),
        }
    }
}
