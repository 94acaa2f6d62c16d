//! Canonical XML: 1.0 (<https://www.w3.org/TR/2001/REC-xml-c14n-20010315>), 1.1 and Exclusive 1.0, of a document or
//! of one subtree, without one subtree in it (the enveloped signature). Written as it is walked, into a hasher or a
//! vector.
//!
//! Refused: other document subsets (nothing can select one); relative namespace names (C14N 1.0 1.3: must fail);
//! under 1.1, a subtree to which `xml:base` of several levels would have to be joined (C14N 1.1 2.4), which no signer
//! was seen to need.

use std::borrow::Cow;
use std::collections::BTreeMap;

use musubi_crypto::{Digest, DigestAlgorithm, Hasher};

use super::chars::same;
use super::tree::{Attribute, Element, Kind, NodeId, Tree};

/// Which canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Canonical XML 1.0: every namespace in scope, every `xml:` attribute of the ancestors.
    Inclusive,
    /// Canonical XML 1.1: of the `xml:` attributes only `lang` and `space`, and `base`.
    Inclusive11,
    /// Exclusive XML Canonicalization 1.0: namespaces where they are used.
    Exclusive,
}

/// A canonicalisation algorithm and its parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Method<'t> {
    pub(super) form: Form,
    pub(super) comments: bool,
    /// `InclusiveNamespaces/@PrefixList` of the exclusive form; `#default` stands as the empty prefix.
    pub(super) prefixes: Vec<&'t str>,
}

impl Method<'_> {
    /// What XMLDSIG 1.1 4.4.3.2 prescribes where nothing is said.
    pub(super) const DEFAULT: Self = Self { form: Form::Inclusive, comments: false, prefixes: Vec::new() };
}

/// What is made canonical.
#[derive(Debug, Clone, Copy)]
pub(super) struct Selection {
    /// The element, or the whole document.
    pub(super) apex: Option<NodeId>,
    /// Left out, with all below it.
    pub(super) without: Option<NodeId>,
    /// Whether comments are selected at all; written only if the method has them too.
    pub(super) comments: bool,
}

/// Why there is no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CanonicalError {
    /// Beyond the work that is done for one file.
    TooMuch,
    /// A namespace name without a scheme.
    RelativeNamespace,
    /// `xml:base` on several levels above the subtree.
    Base,
}

/// Where the octets go.
#[derive(Debug)]
pub(super) struct Output {
    buffer: Vec<u8>,
    hasher: Option<Hasher>,
    /// Octets that may still be written, less what was only looked at.
    left: usize,
}

/// The buffer before a hasher.
const CHUNK: usize = 16 * 1024;

impl Output {
    /// Into memory, at most `limit` octets.
    pub(super) fn keep(limit: usize) -> Self {
        Self { buffer: Vec::new(), hasher: None, left: limit }
    }

    /// Into a digest, at most `limit` octets.
    pub(super) fn digest(algorithm: DigestAlgorithm, limit: usize) -> Self {
        Self { buffer: Vec::with_capacity(CHUNK * 2), hasher: Some(Hasher::new(algorithm)), left: limit }
    }

    /// Writes octets as they are.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), CanonicalError> {
        self.spend(bytes.len())?;
        if let Some(hasher) = &mut self.hasher
            && self.buffer.len().saturating_add(bytes.len()) > CHUNK
        {
            hasher.update(&self.buffer);
            self.buffer.clear();
            if bytes.len() > CHUNK {
                hasher.update(bytes);
                return Ok(());
            }
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Counts work that writes nothing as so many octets: nodes that are passed over, namespaces that are searched.
    pub(super) fn spend(&mut self, octets: usize) -> Result<(), CanonicalError> {
        let left = self.left.checked_sub(octets);
        self.left = left.unwrap_or(0);
        left.map(drop).ok_or(CanonicalError::TooMuch)
    }

    /// Octets that may still be written.
    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// What was kept.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.buffer
    }

    /// The digest of all that was written; `None` if it was kept instead.
    pub(super) fn into_digest(self) -> Option<Digest> {
        let mut hasher = self.hasher?;
        hasher.update(&self.buffer);
        Some(hasher.finish())
    }

    fn escaped(&mut self, text: &str, escapes: &Escapes) -> Result<(), CanonicalError> {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|b| escapes.of(*b).is_some()) {
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, &[]));
            let Some((special, after)) = from.split_first() else { break };
            self.put(before)?;
            self.put(escapes.of(*special).unwrap_or_default().as_bytes())?;
            rest = after;
        }
        self.put(rest)
    }
}

/// What stands for a character (C14N 1.0 2.3). All of them are ASCII below 64.
struct Escapes([Option<&'static str>; 64]);

impl Escapes {
    const IN_TEXT: Self = Self::new(&[(b'&', "&amp;"), (b'<', "&lt;"), (b'>', "&gt;"), (b'\r', "&#xD;")]);
    const IN_ATTRIBUTE: Self = Self::new(&[
        (b'&', "&amp;"),
        (b'<', "&lt;"),
        (b'"', "&quot;"),
        (b'\t', "&#x9;"),
        (b'\n', "&#xA;"),
        (b'\r', "&#xD;"),
    ]);

    #[allow(clippy::indexing_slicing, reason = "evaluated by the compiler, over the lists above")]
    const fn new(list: &[(u8, &'static str)]) -> Self {
        let mut table = [None; 64];
        let mut next = 0;
        while next < list.len() {
            let (byte, replacement) = list[next];
            table[byte as usize] = Some(replacement);
            next += 1;
        }
        Self(table)
    }

    fn of(&self, byte: u8) -> Option<&'static str> {
        self.0.get(usize::from(byte)).copied().flatten()
    }
}

/// Writes the canonical form of what is selected.
pub(super) fn canonicalize(
    tree: &Tree<'_>,
    selection: Selection,
    method: &Method<'_>,
    output: &mut Output,
) -> Result<(), CanonicalError> {
    let comments = method.comments && selection.comments;
    let mut walk =
        Walk { tree, method, comments, output, open: Vec::new(), rendered: Vec::new(), used: Vec::new() };
    match selection.apex {
        Some(apex) => walk.nodes(apex, selection.without, Some(apex)),
        None => walk.document(selection.without),
    }
}

struct Walk<'w, 'a> {
    tree: &'w Tree<'a>,
    method: &'w Method<'w>,
    comments: bool,
    output: &'w mut Output,
    /// Elements whose end tag is still to come, with the length of `rendered` outside of them.
    open: Vec<(NodeId, usize)>,
    /// Declarations that were written and are in scope: prefix and name. For the exclusive form.
    rendered: Vec<(&'w str, &'w str)>,
    /// What one element uses; kept for its memory.
    used: Vec<(&'w str, &'w str)>,
}

impl<'w, 'a> Walk<'w, 'a> {
    /// All of it: comments and instructions outside of the root stand on lines of their own (C14N 1.0 2.3).
    fn document(&mut self, without: Option<NodeId>) -> Result<(), CanonicalError> {
        let root = self.tree.root;
        let after_root = self.tree.node(root).map_or(0, |n| n.end);
        for id in (0..root.0).map(NodeId) {
            if self.leaf(id)? {
                self.output.put(b"\n")?;
            }
        }
        self.nodes(root, without, Some(root))?;
        let count = u32::try_from(self.tree.nodes.len()).unwrap_or(u32::MAX);
        for id in (after_root..count).map(NodeId) {
            if self.is_written(id) {
                self.output.put(b"\n")?;
                self.leaf(id)?;
            }
        }
        Ok(())
    }

    fn nodes(
        &mut self,
        top: NodeId,
        without: Option<NodeId>,
        apex: Option<NodeId>,
    ) -> Result<(), CanonicalError> {
        let end = self.tree.node(top).map_or(0, |n| n.end);
        let mut next = top.0;
        while next < end {
            let id = NodeId(next);
            self.output.spend(1)?;
            self.close_before(next)?;
            let Some(node) = self.tree.node(id) else { break };
            if without == Some(id) {
                next = node.end;
                continue;
            }
            if let Kind::Element(element) = &node.kind {
                self.start_tag(id, element, apex == Some(id))?;
            } else {
                self.leaf(id)?;
            }
            next += 1;
        }
        self.close_before(end)
    }

    /// End tags of the elements that end before this node.
    fn close_before(&mut self, next: u32) -> Result<(), CanonicalError> {
        while let Some((id, outside)) = self.open.last().copied() {
            let Some(node) = self.tree.node(id).filter(|n| n.end <= next) else { break };
            if let Kind::Element(element) = &node.kind {
                self.output.put(b"</")?;
                self.name(element.prefix, element.local)?;
                self.output.put(b">")?;
            }
            self.rendered.truncate(outside);
            self.open.pop();
        }
        Ok(())
    }

    fn is_written(&self, id: NodeId) -> bool {
        match self.tree.node(id).map(|n| &n.kind) {
            Some(Kind::Comment(_)) => self.comments,
            Some(_) => true,
            None => false,
        }
    }

    /// Text, comment or instruction; whether it was written.
    fn leaf(&mut self, id: NodeId) -> Result<bool, CanonicalError> {
        let Some(node) = self.tree.node(id).filter(|_| self.is_written(id)) else { return Ok(false) };
        match &node.kind {
            Kind::Text(text) => self.output.escaped(text, &Escapes::IN_TEXT)?,
            Kind::Comment(text) => {
                self.output.put(b"<!--")?;
                self.output.put(text.as_bytes())?;
                self.output.put(b"-->")?;
            }
            Kind::Instruction { target, data } => {
                self.output.put(b"<?")?;
                self.output.put(target.as_bytes())?;
                if !data.is_empty() {
                    self.output.put(b" ")?;
                    self.output.put(data.as_bytes())?;
                }
                self.output.put(b"?>")?;
            }
            Kind::Element(_) => return Ok(false),
        }
        Ok(true)
    }

    fn name(&mut self, prefix: &str, local: &str) -> Result<(), CanonicalError> {
        if !prefix.is_empty() {
            self.output.put(prefix.as_bytes())?;
            self.output.put(b":")?;
        }
        self.output.put(local.as_bytes())
    }

    fn start_tag(
        &mut self,
        id: NodeId,
        element: &'w Element<'a>,
        is_apex: bool,
    ) -> Result<(), CanonicalError> {
        self.output.put(b"<")?;
        self.name(element.prefix, element.local)?;
        self.open.push((id, self.rendered.len()));
        match self.method.form {
            Form::Exclusive => self.exclusive_namespaces(id, element, is_apex)?,
            _ if is_apex => {
                for (prefix, uri) in in_scope(self.tree, id, self.output)? {
                    if !uri.is_empty() {
                        self.namespace(prefix, uri)?;
                    }
                }
            }
            _ => {
                for namespace in self.tree.declarations(element).iter().filter(|n| !n.superfluous) {
                    self.namespace(namespace.prefix, &namespace.uri)?;
                }
            }
        }
        let own = self.tree.attributes(element);
        if is_apex && self.method.form != Form::Exclusive {
            let mut all: Vec<&Attribute<'a>> = own.iter().collect();
            all.extend(inherited(self.tree, id, self.method.form)?);
            all.sort_by_key(|a| (self.tree.uri(a.namespace), a.local));
            all.into_iter().try_for_each(|attribute| self.attribute(attribute))?;
        } else {
            own.iter().try_for_each(|attribute| self.attribute(attribute))?;
        }
        self.output.put(b">")
    }

    fn attribute(&mut self, attribute: &Attribute<'_>) -> Result<(), CanonicalError> {
        self.output.put(b" ")?;
        self.name(attribute.prefix, attribute.local)?;
        self.output.put(b"=\"")?;
        self.output.escaped(&attribute.value, &Escapes::IN_ATTRIBUTE)?;
        self.output.put(b"\"")
    }

    fn namespace(&mut self, prefix: &str, uri: &str) -> Result<(), CanonicalError> {
        if !uri.is_empty() && !is_absolute(uri) {
            return Err(CanonicalError::RelativeNamespace);
        }
        self.output.put(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" })?;
        self.output.put(prefix.as_bytes())?;
        self.output.put(b"=\"")?;
        self.output.escaped(uri, &Escapes::IN_ATTRIBUTE)?;
        self.output.put(b"\"")
    }

    /// The namespaces that the element uses visibly, and those of the prefix list (Exclusive C14N 3).
    fn exclusive_namespaces(
        &mut self,
        id: NodeId,
        element: &'w Element<'a>,
        is_apex: bool,
    ) -> Result<(), CanonicalError> {
        let tree = self.tree;
        let mut used = std::mem::take(&mut self.used);
        used.push((element.prefix, tree.uri(element.namespace)));
        let attributes = tree.attributes(element).iter().filter(|a| !a.prefix.is_empty());
        used.extend(attributes.map(|a| (a.prefix, tree.uri(a.namespace))));
        if !self.method.prefixes.is_empty() {
            let listed = |(prefix, _): &(&str, &str)| self.method.prefixes.contains(prefix);
            if is_apex {
                used.extend(in_scope(tree, id, self.output)?.into_iter().filter(listed));
            } else {
                let own = tree.declarations(element).iter().map(|n| (n.prefix, &*n.uri));
                used.extend(own.filter(listed));
            }
        }
        if used.len() > 1 {
            used.sort_unstable();
            used.dedup();
        }
        self.output.spend(used.len().saturating_mul(self.rendered.len()) / 8)?;
        for (prefix, uri) in used.drain(..) {
            if same(prefix, "xml") {
                continue;
            }
            let before =
                self.rendered.iter().rev().find(|(p, _)| same(p, prefix)).map_or("", |(_, uri)| *uri);
            if !same(before, uri) {
                self.namespace(prefix, uri)?;
                self.rendered.push((prefix, uri));
            }
        }
        self.used = used;
        Ok(())
    }
}

/// The namespaces in scope of an element, the nearest declaration of each prefix, sorted by prefix. An undeclared
/// default is among them, with an empty name.
fn in_scope<'w>(
    tree: &'w Tree<'_>,
    id: NodeId,
    output: &mut Output,
) -> Result<Vec<(&'w str, &'w str)>, CanonicalError> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for element in std::iter::once(id).chain(tree.ancestors(id)).filter_map(|id| tree.element(id)) {
        output.spend(tree.declarations(element).len().saturating_mul(8).saturating_add(1))?;
        for namespace in tree.declarations(element) {
            found.entry(namespace.prefix).or_insert(&namespace.uri);
        }
    }
    Ok(found.into_iter().collect())
}

/// The `xml:` attributes that a subtree inherits from the elements around it (C14N 1.0 2.4, C14N 1.1 2.4).
fn inherited<'w, 'a>(
    tree: &'w Tree<'a>,
    apex: NodeId,
    form: Form,
) -> Result<Vec<&'w Attribute<'a>>, CanonicalError> {
    use super::tree::NamespaceId;
    let own = tree.element(apex).map(|e| tree.attributes(e)).unwrap_or_default();
    let own_base = own.iter().any(|a| a.namespace == NamespaceId::XML && a.local == "base");
    let mut found: Vec<&Attribute<'a>> = Vec::new();
    for element in tree.ancestors(apex).filter_map(|id| tree.element(id)) {
        for attribute in tree.attributes(element).iter().filter(|a| a.namespace == NamespaceId::XML) {
            let is_base = attribute.local == "base";
            if form == Form::Inclusive11 && !is_base && !matches!(attribute.local, "lang" | "space") {
                continue;
            }
            let is_same = |a: &Attribute<'_>| a.namespace == NamespaceId::XML && a.local == attribute.local;
            if found.iter().any(|a| is_same(a)) || own.iter().any(is_same) {
                if form == Form::Inclusive11 && is_base {
                    return Err(CanonicalError::Base);
                }
                continue;
            }
            if form == Form::Inclusive11 && is_base && own_base {
                return Err(CanonicalError::Base);
            }
            found.push(attribute);
        }
    }
    Ok(found)
}

/// Whether a namespace name has a scheme (RFC 3986 3.1).
fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    })
}

/// The canonical form in memory, at most `left` octets, from which it is taken whether or not there is one.
pub(super) fn canonical_bytes(
    tree: &Tree<'_>,
    selection: Selection,
    method: &Method<'_>,
    left: &mut usize,
) -> Result<Cow<'static, [u8]>, CanonicalError> {
    let mut output = Output::keep(*left);
    let written = canonicalize(tree, selection, method, &mut output);
    *left = output.left();
    written?;
    Ok(Cow::Owned(output.into_bytes()))
}
