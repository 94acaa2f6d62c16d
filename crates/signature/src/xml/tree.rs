//! The tree of a document: nodes in document order in one vector, so that a subtree is a range and no walk recurses.
//! Only [`read`](super::reader::read) makes one.

use std::borrow::Cow;

use super::chars::same;

/// `http://www.w3.org/XML/1998/namespace`, to which `xml` is bound and nothing else may be.
pub(super) const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// Children of an element that are counted to tell its place among them: every reference has its place told.
const MAX_PLACE: usize = 1_000;

/// A node of its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct NodeId(pub(super) u32);

/// A namespace declaration of its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NamespaceId(pub(super) u32);

impl NamespaceId {
    /// No namespace.
    pub(super) const NONE: Self = Self(0);
    /// The one of the prefix `xml`.
    pub(super) const XML: Self = Self(1);
}

/// `xmlns="…"` or `xmlns:prefix="…"`.
#[derive(Debug)]
pub(super) struct Namespace<'a> {
    /// Empty for the default namespace.
    pub(super) prefix: &'a str,
    /// Empty where the default namespace is undeclared.
    pub(super) uri: Cow<'a, str>,
    /// Says what is in scope there anyway.
    pub(super) superfluous: bool,
}

#[derive(Debug)]
pub(super) struct Attribute<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
    pub(super) namespace: NamespaceId,
    /// Normalised (XML 1.0 3.3.3).
    pub(super) value: Cow<'a, str>,
}

#[derive(Debug)]
pub(super) struct Element<'a> {
    pub(super) prefix: &'a str,
    pub(super) local: &'a str,
    pub(super) namespace: NamespaceId,
    /// Its range of the tree's attributes, sorted as canonical XML has them.
    pub(super) attributes: (u32, u32),
    /// Its range of the tree's declarations, sorted by prefix.
    pub(super) namespaces: (u32, u32),
}

#[derive(Debug)]
pub(super) enum Kind<'a> {
    Element(Element<'a>),
    /// Character data with references and CDATA sections resolved; never two in a row.
    Text(Cow<'a, str>),
    Comment(Cow<'a, str>),
    Instruction {
        target: &'a str,
        data: Cow<'a, str>,
    },
}

#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) parent: Option<NodeId>,
    /// The first node after its subtree.
    pub(super) end: u32,
    pub(super) kind: Kind<'a>,
}

/// A document.
#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) attributes: Vec<Attribute<'a>>,
    pub(super) namespaces: Vec<Namespace<'a>>,
    pub(super) root: NodeId,
}

fn range<T>(all: &[T], (start, end): (u32, u32)) -> &[T] {
    all.get(start as usize..end as usize).unwrap_or_default()
}

impl<'a> Tree<'a> {
    pub(super) fn node(&self, id: NodeId) -> Option<&Node<'a>> {
        self.nodes.get(id.0 as usize)
    }

    pub(super) fn element(&self, id: NodeId) -> Option<&Element<'a>> {
        match &self.node(id)?.kind {
            Kind::Element(element) => Some(element),
            _ => None,
        }
    }

    pub(super) fn uri(&self, namespace: NamespaceId) -> &str {
        self.namespaces.get(namespace.0 as usize).map_or("", |n| &n.uri)
    }

    pub(super) fn attributes(&self, element: &Element<'a>) -> &[Attribute<'a>] {
        range(&self.attributes, element.attributes)
    }

    pub(super) fn declarations(&self, element: &Element<'a>) -> &[Namespace<'a>] {
        range(&self.namespaces, element.namespaces)
    }

    /// The value of an attribute without a namespace.
    pub(super) fn attribute(&self, id: NodeId, local: &str) -> Option<&str> {
        let attributes = self.attributes(self.element(id)?);
        attributes.iter().find(|a| a.namespace == NamespaceId::NONE && a.local == local).map(|a| &*a.value)
    }

    /// Whether it is the element of this name.
    pub(super) fn is(&self, id: NodeId, namespace: &str, local: &str) -> bool {
        self.element(id).is_some_and(|e| e.local == local && same(self.uri(e.namespace), namespace))
    }

    /// The node and all below it, in document order.
    pub(super) fn subtree(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        let end = self.node(id).map_or(id.0, |n| n.end);
        (id.0..end).map(NodeId)
    }

    /// Its children, in document order.
    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        let end = self.node(id).map_or(0, |n| n.end);
        let mut next = id.0 + 1;
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let child = NodeId(next);
            next = self.node(child)?.end;
            Some(child)
        })
    }

    /// Its child elements of this name.
    pub(super) fn children_named<'t>(
        &'t self,
        id: NodeId,
        namespace: &'t str,
        local: &'t str,
    ) -> impl Iterator<Item = NodeId> + 't {
        self.children(id).filter(move |child| self.is(*child, namespace, local))
    }

    /// Its parent and all above that, from the inside out.
    pub(super) fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.node(id).and_then(|n| n.parent), |id| self.node(*id)?.parent)
    }

    /// Whether `id` is `of` or stands in it.
    pub(super) fn is_within(&self, id: NodeId, of: NodeId) -> bool {
        id >= of && self.node(of).is_some_and(|n| id.0 < n.end)
    }

    /// The text of an element that holds nothing but text. A comment, an instruction or an element in it is refused:
    /// readers differ in what they take for the text then (a comment that cuts a value short, CVE-2018-0489).
    pub(super) fn text(&self, id: NodeId) -> Option<Cow<'_, str>> {
        self.element(id)?;
        let mut children = self.children(id);
        let Some(first) = children.next() else { return Some(Cow::Borrowed("")) };
        match (&self.node(first)?.kind, children.next()) {
            (Kind::Text(text), None) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    /// Its child elements; `None` if there is text that is not white space between them.
    pub(super) fn only_elements(&self, id: NodeId) -> Option<Vec<NodeId>> {
        let mut elements = Vec::new();
        for child in self.children(id) {
            match &self.node(child)?.kind {
                Kind::Element(_) => elements.push(child),
                Kind::Text(text) if !super::chars::is_blank(text) => return None,
                _ => {}
            }
        }
        Some(elements)
    }

    /// `/Response/Assertion[2]`: where it stands, for people; local names alone, at most about 200 bytes.
    pub(super) fn path(&self, id: NodeId) -> String {
        let mut steps: Vec<String> = Vec::new();
        let mut length = 0_usize;
        for id in std::iter::once(id).chain(self.ancestors(id)) {
            let Some(element) = self.element(id) else { continue };
            let name: String = element.local.chars().take(40).collect();
            let step = match self.place_among_namesakes(id, element) {
                Some(place) if place > MAX_PLACE => format!("{name}[>{MAX_PLACE}]"),
                Some(place) => format!("{name}[{place}]"),
                None => name,
            };
            length = length.saturating_add(step.len());
            if length > 200 {
                steps.push("…".to_owned());
                break;
            }
            steps.push(step);
        }
        steps.iter().rev().fold(String::new(), |path, step| path + "/" + step)
    }

    /// Counted from 1 to one more than [`MAX_PLACE`]; `None` if it is the only child of its parent with its name, as
    /// far as that is looked for.
    fn place_among_namesakes(&self, id: NodeId, element: &Element<'a>) -> Option<usize> {
        let parent = self.node(id)?.parent?;
        let mut place = None;
        let mut namesakes = 0_usize;
        let is_namesake = |other: &Element<'a>| {
            other.local == element.local && same(self.uri(other.namespace), self.uri(element.namespace))
        };
        for child in self.children(parent).take(MAX_PLACE) {
            if !self.element(child).is_some_and(is_namesake) {
                continue;
            }
            namesakes += 1;
            if child == id {
                place = Some(namesakes);
            }
            if place.is_some() && namesakes > 1 {
                return place;
            }
        }
        match place {
            Some(_) => None,
            None => Some(MAX_PLACE + 1),
        }
    }
}
