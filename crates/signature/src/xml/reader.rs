//! Reading a document (XML 1.0 fifth edition, Namespaces in XML 1.0) into a [`Tree`], strictly and within bounds.
//!
//! `quick-xml` cuts the text into events; it is lenient on purpose, so all that follows is demanded here: legal
//! characters, legal names, quoted and separated attributes, no `<` in their values, no `]]>` in text, no `--` in
//! comments, one root, nothing but white space, comments and instructions outside of it, every element closed, one XML
//! declaration at the very beginning, line ends and attribute values normalised (2.11, 3.3.3).
//!
//! Refused: every encoding but UTF-8; XML 1.1; a document type declaration, whatever it says (entities that expand
//! without end or fetch files, defaulted attributes that only some readers see); entities other than the five and
//! character references; attributes that occur twice, by name or by namespace and name; undeclared or reserved
//! prefixes; more bytes, depth, nodes, attributes or namespaces in scope than the limits.

use std::borrow::Cow;
use std::cmp::Ordering;

use quick_xml::events::{BytesStart, Event};

use super::chars::{has_forbidden, is_blank, is_ncname, is_space, same};
use super::lexical::{
    RawAttributes, Result, after_declaration, attribute_value, malformed, push_reference, qualified,
};
use super::tree::{Attribute, Element, Kind, Namespace, NamespaceId, Node, NodeId, Tree, XML_NAMESPACE};
use crate::NotASignature;

/// Bytes of a document.
pub(super) const MAX_BYTES: usize = 128 * 1024 * 1024;
/// Elements inside one another; the limit of libxml2.
pub(super) const MAX_DEPTH: usize = 256;
/// Nodes of a document.
pub(super) const MAX_NODES: usize = 2_000_000;
/// Attributes and namespace declarations of a document.
pub(super) const MAX_ATTRIBUTES: usize = 2_000_000;
/// Attributes of one element, declarations included.
pub(super) const MAX_ATTRIBUTES_OF_ONE: usize = 256;
/// Namespace declarations in scope of one element, overridden ones included.
pub(super) const MAX_NAMESPACES_IN_SCOPE: usize = 256;

const XMLNS_NAMESPACE: &str = "http://www.w3.org/2000/xmlns/";

fn too_much<T>(what: &'static str, limit: usize) -> Result<T> {
    Err(NotASignature::TooMuch { what, limit })
}

/// Reads a whole document.
pub(super) fn read(bytes: &[u8]) -> Result<Tree<'_>> {
    if bytes.len() > MAX_BYTES {
        return too_much("bytes of an XML document", MAX_BYTES);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return malformed("XML: not UTF-8") };
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    if has_forbidden(text) {
        return malformed("XML: a character that XML does not allow");
    }
    let body = after_declaration(text)?;
    // The event reader would take a second mark away.
    if body.starts_with('\u{FEFF}') {
        return malformed("XML: text outside of the root element");
    }
    let mut builder = Builder::new(body);
    let mut events = quick_xml::Reader::from_str(body);
    events.config_mut().enable_all_checks(true);
    loop {
        match events.read_event() {
            Ok(Event::Eof) => return builder.finish(),
            Ok(event) => builder.event(event, body)?,
            Err(_) => return malformed("XML: not well-formed"),
        }
    }
}

/// An element that is not closed yet.
struct Open {
    node: NodeId,
    /// Declarations in scope outside of it.
    scope: usize,
}

/// Prefix, local part and value of an attribute whose prefix is not resolved yet.
type Pending<'a> = (&'a str, &'a str, Cow<'a, str>);

struct Builder<'a> {
    tree: Tree<'a>,
    open: Vec<Open>,
    /// Declarations in scope, the nearest last.
    scope: Vec<NamespaceId>,
    root: Option<NodeId>,
    /// Attributes of the element that is being read; kept for its memory.
    pending: Vec<Pending<'a>>,
    /// Whether the document has a carriage return at all.
    returns: bool,
    /// Whether it has `]]>` at all.
    ends_cdata: bool,
}

impl<'a> Builder<'a> {
    fn new(body: &str) -> Self {
        let namespace = |prefix, uri| Namespace { prefix, uri: Cow::Borrowed(uri), superfluous: true };
        let namespaces = vec![namespace("", ""), namespace("xml", XML_NAMESPACE)];
        let tree = Tree { nodes: Vec::new(), attributes: Vec::new(), namespaces, root: NodeId(0) };
        let (returns, ends_cdata) = (body.contains('\r'), body.contains("]]>"));
        Self {
            tree,
            open: Vec::new(),
            scope: Vec::new(),
            root: None,
            pending: Vec::new(),
            returns,
            ends_cdata,
        }
    }

    fn finish(mut self) -> Result<Tree<'a>> {
        match self.root {
            Some(root) if self.open.is_empty() => {
                self.tree.root = root;
                Ok(self.tree)
            }
            _ => malformed("XML: no root element, or one that is not closed"),
        }
    }

    fn event(&mut self, event: Event<'a>, body: &'a str) -> Result<()> {
        match event {
            Event::Start(tag) => self.start(borrowed(&tag, body)?),
            Event::Empty(tag) => {
                self.start(borrowed(&tag, body)?)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => {
                let text = slice_of(&text, body)?;
                if self.ends_cdata && text.contains("]]>") {
                    return malformed("XML: ]]> in text");
                }
                if self.open.is_empty() {
                    let blank = is_blank(text);
                    return if blank { Ok(()) } else { malformed("XML: text outside of the root element") };
                }
                let text = self.line_ends(text);
                self.text(text)
            }
            Event::CData(data) => {
                let data = slice_of(&data, body)?;
                self.inside_root()?;
                let data = self.line_ends(data);
                self.text(data)
            }
            Event::GeneralRef(name) => {
                self.inside_root()?;
                let mut text = String::new();
                push_reference(&mut text, &name)?;
                self.text(Cow::Owned(text))
            }
            Event::Comment(comment) => {
                let comment = slice_of(&comment, body)?;
                if comment.contains("--") || comment.ends_with('-') {
                    return malformed("XML: -- in a comment");
                }
                let comment = self.line_ends(comment);
                self.leaf(Kind::Comment(comment))
            }
            Event::PI(instruction) => {
                let raw = slice_of(&instruction, body)?;
                let end = raw.bytes().position(is_space).unwrap_or(raw.len());
                let (target, data) = raw.split_at_checked(end).unwrap_or((raw, ""));
                if !is_ncname(target) || target.eq_ignore_ascii_case("xml") {
                    return malformed("XML: the name of a processing instruction");
                }
                let data = data.trim_start_matches([' ', '\t', '\n', '\r']);
                let data = self.line_ends(data);
                self.leaf(Kind::Instruction { target, data })
            }
            Event::Decl(_) => malformed("XML: an XML declaration that is not at the beginning"),
            Event::DocType(_) => malformed("XML: a document type declaration"),
            Event::Eof => Ok(()),
        }
    }

    /// Line ends become line feeds (2.11).
    fn line_ends(&self, text: &'a str) -> Cow<'a, str> {
        if self.returns && text.contains('\r') {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        }
    }

    fn inside_root(&self) -> Result<()> {
        if self.open.is_empty() { malformed("XML: text outside of the root element") } else { Ok(()) }
    }

    fn push(&mut self, kind: Kind<'a>) -> Result<NodeId> {
        let id = NodeId(index(self.tree.nodes.len()));
        if self.tree.nodes.len() >= MAX_NODES {
            return too_much("nodes of an XML document", MAX_NODES);
        }
        let parent = self.open.last().map(|open| open.node);
        self.tree.nodes.push(Node { parent, end: id.0.saturating_add(1), kind });
        Ok(id)
    }

    fn leaf(&mut self, kind: Kind<'a>) -> Result<()> {
        self.push(kind).map(|_| ())
    }

    /// Adds text; joins it to the text right before it.
    fn text(&mut self, text: Cow<'a, str>) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let parent = self.open.last().map(|open| open.node);
        match self.tree.nodes.last_mut() {
            Some(Node { parent: p, kind: Kind::Text(before), .. }) if *p == parent => {
                before.to_mut().push_str(&text);
                Ok(())
            }
            _ => self.leaf(Kind::Text(text)),
        }
    }

    fn end(&mut self) -> Result<()> {
        let Some(open) = self.open.pop() else { return malformed("XML: not well-formed") };
        self.scope.truncate(open.scope);
        let end = index(self.tree.nodes.len());
        if let Some(node) = self.tree.nodes.get_mut(open.node.0 as usize) {
            node.end = end;
        }
        Ok(())
    }

    fn start(&mut self, (name, raw): (&'a str, &'a str)) -> Result<()> {
        if self.open.len() >= MAX_DEPTH {
            return too_much("depth of an XML document", MAX_DEPTH);
        }
        if self.open.is_empty() && self.root.is_some() {
            return malformed("XML: a second root element");
        }
        let outer_scope = self.scope.len();
        let mut pending = std::mem::take(&mut self.pending);
        let mut declared: Vec<Namespace<'a>> = Vec::new();
        let mut raw = RawAttributes { rest: raw };
        while let Some((name, value)) = raw.next_raw()? {
            if pending.len() + declared.len() >= MAX_ATTRIBUTES_OF_ONE {
                return too_much("attributes of an XML element", MAX_ATTRIBUTES_OF_ONE);
            }
            let (prefix, local) = qualified(name)?;
            let value = attribute_value(value)?;
            match (prefix, local) {
                ("", "xmlns") => declared.push(self.declaration("", value)?),
                ("xmlns", prefix) => declared.push(self.declaration(prefix, value)?),
                _ => pending.push((prefix, local, value)),
            }
        }
        let namespaces = self.declare(declared)?;
        let (prefix, local) = qualified(name)?;
        if prefix == "xmlns" {
            return malformed("XML: a reserved prefix");
        }
        let namespace = self.resolve(prefix)?;
        let attributes = self.add_attributes(&mut pending)?;
        self.pending = pending;
        let element = Element { prefix, local, namespace, attributes, namespaces };
        let node = self.push(Kind::Element(element))?;
        if self.open.is_empty() {
            self.root = Some(node);
        }
        self.open.push(Open { node, scope: outer_scope });
        Ok(())
    }

    /// A declaration, checked (Namespaces in XML 1.0, 3).
    fn declaration(&self, prefix: &'a str, uri: Cow<'a, str>) -> Result<Namespace<'a>> {
        let reserved =
            (prefix == "xml") != (uri == XML_NAMESPACE) || uri == XMLNS_NAMESPACE || prefix == "xmlns";
        if reserved || (uri.is_empty() && !prefix.is_empty()) {
            return malformed("XML: a namespace declaration that is not allowed");
        }
        let superfluous = match self.lookup(prefix) {
            Some(id) => self.tree.uri(id) == uri,
            None => uri.is_empty(),
        };
        Ok(Namespace { prefix, uri, superfluous })
    }

    fn declare(&mut self, mut declared: Vec<Namespace<'a>>) -> Result<(u32, u32)> {
        let start = index(self.tree.namespaces.len());
        declared.sort_unstable_by(|a, b| a.prefix.cmp(b.prefix));
        if declared.windows(2).any(|pair| matches!(pair, [a, b] if a.prefix == b.prefix)) {
            return malformed("XML: an attribute that occurs twice");
        }
        if self.tree.namespaces.len().saturating_add(declared.len()) > MAX_ATTRIBUTES {
            return too_much("namespace declarations of an XML document", MAX_ATTRIBUTES);
        }
        if self.scope.len().saturating_add(declared.len()) > MAX_NAMESPACES_IN_SCOPE {
            return too_much("namespace declarations in scope of an XML element", MAX_NAMESPACES_IN_SCOPE);
        }
        for namespace in declared {
            // `xml` needs no declaration and none is canonical (C14N 1.0 2.3).
            if namespace.prefix == "xml" {
                continue;
            }
            self.scope.push(NamespaceId(index(self.tree.namespaces.len())));
            self.tree.namespaces.push(namespace);
        }
        Ok((start, index(self.tree.namespaces.len())))
    }

    fn lookup(&self, prefix: &str) -> Option<NamespaceId> {
        let bound = |id: &&NamespaceId| {
            self.tree.namespaces.get(id.0 as usize).is_some_and(|namespace| same(namespace.prefix, prefix))
        };
        self.scope.iter().rev().find(bound).copied()
    }

    fn resolve(&self, prefix: &str) -> Result<NamespaceId> {
        match self.lookup(prefix) {
            _ if same(prefix, "xml") => Ok(NamespaceId::XML),
            Some(id) if self.tree.uri(id).is_empty() => Ok(NamespaceId::NONE),
            Some(id) => Ok(id),
            None if prefix.is_empty() => Ok(NamespaceId::NONE),
            None => malformed("XML: a prefix that is not declared"),
        }
    }

    /// Adds the attributes of one element, sorted by namespace and name (C14N 1.0 2.2).
    fn add_attributes(&mut self, pending: &mut Vec<Pending<'a>>) -> Result<(u32, u32)> {
        let start = self.tree.attributes.len();
        if start.saturating_add(pending.len()) > MAX_ATTRIBUTES {
            return too_much("attributes of an XML document", MAX_ATTRIBUTES);
        }
        for (prefix, local, value) in pending.drain(..) {
            // An attribute without a prefix is in no namespace (Namespaces in XML 1.0, 6.2).
            let namespace = if prefix.is_empty() { NamespaceId::NONE } else { self.resolve(prefix)? };
            self.tree.attributes.push(Attribute { prefix, local, namespace, value });
        }
        let Tree { attributes, namespaces, .. } = &mut self.tree;
        let uri = |id: NamespaceId| namespaces.get(id.0 as usize).map_or("", |n| &*n.uri);
        let added = attributes.get_mut(start..).unwrap_or_default();
        added.sort_unstable_by(|a, b| {
            let by_uri = if a.namespace == b.namespace {
                Ordering::Equal
            } else {
                uri(a.namespace).cmp(uri(b.namespace))
            };
            by_uri.then_with(|| a.local.cmp(b.local))
        });
        let twice = |pair: &[Attribute<'_>]| match pair {
            [a, b] => a.local == b.local && same(uri(a.namespace), uri(b.namespace)),
            _ => false,
        };
        if added.windows(2).any(twice) {
            return malformed("XML: an attribute that occurs twice");
        }
        Ok((index(start), index(self.tree.attributes.len())))
    }
}

/// Every count is bounded far below.
fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Name and attributes of a tag as slices of the document.
fn borrowed<'a>(tag: &BytesStart<'a>, body: &'a str) -> Result<(&'a str, &'a str)> {
    let whole = slice_of(tag, body)?;
    let end = whole.bytes().position(is_space).unwrap_or(whole.len());
    whole.split_at_checked(end).map_or_else(|| malformed("XML: a tag"), Ok)
}

/// The same text, borrowed from the document for as long as the document is.
fn slice_of<'a>(event: &str, body: &'a str) -> Result<&'a str> {
    let start = (event.as_ptr() as usize).wrapping_sub(body.as_ptr() as usize);
    let slice = start.checked_add(event.len()).and_then(|end| body.get(start..end));
    slice.map_or_else(|| malformed("XML: not well-formed"), Ok)
}
