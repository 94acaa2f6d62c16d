//! The outer shell of a CMS as BER (X.690 8.1): indefinite lengths, long forms of short lengths and strings in
//! pieces, which streaming signers write. Hands out slices of the input; nothing is joined or encoded again.
//!
//! Not for what is signed or compared: signed attributes, certificates, algorithms and identifiers are read as
//! strict DER by `musubi_pki::asn1`.

use std::cell::Cell;

use crate::model::NotASignature;

/// Headers looked at for one file. Bounds the work however lengths and levels are nested.
const MAX_HEADERS: usize = 4_000_000;
/// Levels of indefinite lengths and of strings in pieces.
const MAX_DEPTH: usize = 16;

/// Headers that may still be looked at.
pub(crate) struct Work(Cell<usize>);

impl Work {
    pub(crate) fn new() -> Self {
        Self(Cell::new(MAX_HEADERS))
    }

    fn spend(&self) -> Result<(), NotASignature> {
        let rest = self.0.get();
        self.0.set(rest.checked_sub(1).ok_or(too_much("elements", MAX_HEADERS))?);
        Ok(())
    }
}

fn too_much(what: &'static str, limit: usize) -> NotASignature {
    NotASignature::TooMuch { what, limit }
}

const BAD: NotASignature = NotASignature::Malformed("not BER");

/// One element. Only tags of one byte: CMS has no others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<'a> {
    pub(crate) tag: u8,
    /// The content octets, without the end-of-contents of an indefinite length.
    pub(crate) content: &'a [u8],
    /// The whole as it stands in the input.
    pub(crate) raw: &'a [u8],
}

/// The elements of one value, in order.
pub(crate) struct Nodes<'a, 'w> {
    rest: &'a [u8],
    work: &'w Work,
}

impl<'a, 'w> Nodes<'a, 'w> {
    pub(crate) fn new(bytes: &'a [u8], work: &'w Work) -> Self {
        Self { rest: bytes, work }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes not yet read.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The tag of the next element.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element, whatever its tag.
    pub(crate) fn any(&mut self) -> Result<Node<'a>, NotASignature> {
        let (node, rest) = read(self.rest, self.work, 0)?;
        self.rest = rest;
        Ok(node)
    }

    /// The next element, which must have this tag; `what` names it.
    pub(crate) fn tagged(&mut self, tag: u8, what: &'static str) -> Result<Node<'a>, NotASignature> {
        match self.peek() {
            Some(found) if found == tag => self.any(),
            _ => Err(NotASignature::Malformed(what)),
        }
    }

    /// The next element if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Node<'a>>, NotASignature> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// What an element of this tag holds.
    pub(crate) fn inside(&mut self, tag: u8, what: &'static str) -> Result<Self, NotASignature> {
        let node = self.tagged(tag, what)?;
        Ok(Self::new(node.content, self.work))
    }

    /// Every remaining element, at most `limit`; `what` names them.
    pub(crate) fn all(mut self, limit: usize, what: &'static str) -> Result<Vec<Node<'a>>, NotASignature> {
        let mut nodes = Vec::new();
        while !self.is_empty() {
            if nodes.len() == limit {
                return Err(too_much(what, limit));
            }
            nodes.push(self.any()?);
        }
        Ok(nodes)
    }

    /// Nothing may be left.
    pub(crate) fn end(&self, what: &'static str) -> Result<(), NotASignature> {
        if self.is_empty() { Ok(()) } else { Err(NotASignature::Malformed(what)) }
    }
}

/// The bytes of the first element of `bytes`, DER or BER; `None` if there is none.
pub(crate) fn length_of_first(bytes: &[u8]) -> Option<usize> {
    read(bytes, &Work::new(), 0).ok().map(|(node, _)| node.raw.len())
}

/// The octets of an OCTET STRING, in one piece (tag 04) or several (tag 24), in order.
pub(crate) fn octets<'a>(
    string: Node<'a>,
    work: &Work,
    what: &'static str,
) -> Result<Vec<&'a [u8]>, NotASignature> {
    let mut pieces = Vec::new();
    collect(string, work, 0, what, &mut pieces)?;
    Ok(pieces)
}

fn collect<'a>(
    string: Node<'a>,
    work: &Work,
    depth: usize,
    what: &'static str,
    pieces: &mut Vec<&'a [u8]>,
) -> Result<(), NotASignature> {
    match string.tag {
        0x04 => pieces.push(string.content),
        0x24 if depth < MAX_DEPTH => {
            let mut nodes = Nodes::new(string.content, work);
            while !nodes.is_empty() {
                collect(nodes.any()?, work, depth + 1, what, pieces)?;
            }
        }
        0x24 => return Err(too_much("levels", MAX_DEPTH)),
        _ => return Err(NotASignature::Malformed(what)),
    }
    Ok(())
}

/// The first element of `bytes` and what follows it.
fn read<'a>(bytes: &'a [u8], work: &Work, depth: usize) -> Result<(Node<'a>, &'a [u8]), NotASignature> {
    work.spend()?;
    let [tag, first, after @ ..] = bytes else { return Err(BAD) };
    // Tag numbers above 30, and the end-of-contents where an element is due.
    if tag & 0x1F == 0x1F || *tag == 0 {
        return Err(BAD);
    }
    let (length, after) = match *first {
        0x80 => return read_indefinite(bytes, *tag, after, work, depth),
        short @ 0..=0x7F => (usize::from(short), after),
        long @ 0x81..=0x88 => {
            let (digits, after) = after.split_at_checked(usize::from(long & 0x0F)).ok_or(BAD)?;
            let length = digits.iter().fold(0_u64, |value, digit| (value << 8) | u64::from(*digit));
            (usize::try_from(length).map_err(|_| BAD)?, after)
        }
        _ => return Err(BAD),
    };
    let (content, rest) = after.split_at_checked(length).ok_or(BAD)?;
    let raw = bytes.get(..bytes.len().saturating_sub(rest.len())).ok_or(BAD)?;
    Ok((Node { tag: *tag, content, raw }, rest))
}

/// An element of indefinite length (X.690 8.1.3.6): its elements, then two zero bytes.
fn read_indefinite<'a>(
    bytes: &'a [u8],
    tag: u8,
    after: &'a [u8],
    work: &Work,
    depth: usize,
) -> Result<(Node<'a>, &'a [u8]), NotASignature> {
    if tag & 0x20 == 0 {
        return Err(BAD);
    }
    if depth == MAX_DEPTH {
        return Err(too_much("levels", MAX_DEPTH));
    }
    let mut inner = after;
    loop {
        if let [0, 0, rest @ ..] = inner {
            let content = after.get(..after.len().saturating_sub(inner.len())).ok_or(BAD)?;
            let raw = bytes.get(..bytes.len().saturating_sub(rest.len())).ok_or(BAD)?;
            return Ok((Node { tag, content, raw }, rest));
        }
        inner = read(inner, work, depth + 1)?.1;
    }
}
