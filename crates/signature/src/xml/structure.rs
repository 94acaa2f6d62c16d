//! `ds:Signature` as its schema has it (XMLDSIG 1.1 4): every child in its place, each as often as allowed.
//!
//! Readers that look for `SignedInfo`, `DigestValue` or `SignatureValue` anywhere below can be given two of them, one
//! that is verified and one that is believed (CVE-2024-45409, CVE-2025-25291, CVE-2025-25292). Refused here: a second
//! one, one in another place, any child of `ds:Signature` that is not in the schema; in `SignedInfo` also every
//! comment, instruction and text; parameters of a signature or digest method (`HMACOutputLength` among them); more
//! than [`MAX_REFERENCES`] references; transforms that are not in the one order that is understood.

use musubi_crypto::{DigestAlgorithm, SignatureAlgorithm};
use musubi_pki::{ReasonCode, SubIndication};

use super::algorithms::{self, BASE64, DS, ENVELOPED, EXCLUSIVE};
use super::c14n::{Form, Method};
use super::text;
use super::tree::{Kind, NodeId, Tree};

/// References of one signature.
pub(super) const MAX_REFERENCES: usize = 64;

/// A demand that was not met: why, without content of the document, and what becomes of the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken {
    pub(super) why: &'static str,
    pub(super) conclusion: (SubIndication, ReasonCode),
}

/// The structure is not the standard's.
pub(super) fn format<T>(why: &'static str) -> Result<T, Broken> {
    Err(Broken { why, conclusion: (SubIndication::FormatFailure, ReasonCode::SignatureMalformed) })
}

/// The signature protects something else than it seems to.
pub(super) fn coverage<T>(why: &'static str) -> Result<T, Broken> {
    Err(Broken { why, conclusion: (SubIndication::FormatFailure, ReasonCode::SignatureCoverage) })
}

/// An algorithm that is not in the list (EN 319 102-1 5.2.8).
pub(super) fn algorithm<T>(why: &'static str) -> Result<T, Broken> {
    Err(Broken { why, conclusion: (SubIndication::CryptoConstraintsFailure, ReasonCode::SignatureMalformed) })
}

/// The parts of a `ds:Signature`.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) signature: NodeId,
    pub(super) signed_info: NodeId,
    pub(super) value: NodeId,
    pub(super) key_info: Option<NodeId>,
    pub(super) objects: Vec<NodeId>,
}

/// `ds:SignedInfo`.
#[derive(Debug)]
pub(super) struct SignedInfo<'t> {
    pub(super) canonicalization: Method<'t>,
    /// The algorithm, or its identifier.
    pub(super) algorithm: Result<SignatureAlgorithm, String>,
    pub(super) references: Vec<Reference<'t>>,
}

/// `ds:Reference`.
#[derive(Debug)]
pub(super) struct Reference<'t> {
    pub(super) id: Option<&'t str>,
    pub(super) uri: Option<&'t str>,
    /// `Type`.
    pub(super) of_type: Option<&'t str>,
    pub(super) enveloped: bool,
    pub(super) last: Last<'t>,
    pub(super) digest: DigestAlgorithm,
    pub(super) expected: Vec<u8>,
}

impl Reference<'_> {
    /// Whether it points to a file beside the document.
    pub(super) fn is_external(&self) -> bool {
        self.uri.is_none_or(|uri| !uri.is_empty() && !uri.contains('#'))
    }
}

/// The transform that makes octets.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Last<'t> {
    /// None: what is a node-set gets the default canonical form (XMLDSIG 1.1 4.4.3.2).
    Implied,
    Canonical(Method<'t>),
    Base64,
}

/// The children of `ds:Signature` (4.2).
pub(super) fn parts(tree: &Tree<'_>, signature: NodeId) -> Result<Parts, Broken> {
    let Some(children) = tree.only_elements(signature) else { return format("text between the parts") };
    let mut children = children.into_iter().peekable();
    let mut take = |local: &str| children.next_if(|child| tree.is(*child, DS, local));
    let (Some(signed_info), Some(value)) = (take("SignedInfo"), take("SignatureValue")) else {
        return format("SignedInfo and SignatureValue are not the first two parts");
    };
    let key_info = take("KeyInfo");
    let objects = std::iter::from_fn(|| take("Object")).collect();
    if children.next().is_some() {
        return format("a part that is not in the schema, or not in its place");
    }
    Ok(Parts { signature, signed_info, value, key_info, objects })
}

/// `ds:SignedInfo` (4.4).
pub(super) fn signed_info<'t>(tree: &'t Tree<'_>, id: NodeId) -> Result<SignedInfo<'t>, Broken> {
    let foreign = |id: NodeId| {
        tree.node(id).is_some_and(|n| matches!(n.kind, Kind::Comment(_) | Kind::Instruction { .. }))
    };
    if tree.subtree(id).any(foreign) {
        return format("a comment or an instruction in SignedInfo");
    }
    let Some(children) = tree.only_elements(id) else { return format("text in SignedInfo") };
    let mut children = children.into_iter();
    let (Some(canonicalization), Some(method)) = (
        children.next().filter(|c| tree.is(*c, DS, "CanonicalizationMethod")),
        children.next().filter(|c| tree.is(*c, DS, "SignatureMethod")),
    ) else {
        return format(
            "CanonicalizationMethod and SignatureMethod are not the first two parts of SignedInfo",
        );
    };
    let canonicalization = method_of(tree, canonicalization)?;
    if tree.children(method).any(|child| tree.element(child).is_some()) {
        return format("parameters of the signature method");
    }
    let uri = tree.attribute(method, "Algorithm").unwrap_or_default();
    // An unknown identifier is the document's text: enough of it to recognise it by.
    let algorithm = algorithms::signature(uri).ok_or_else(|| uri.chars().take(100).collect());
    let references = children.map(|child| reference(tree, child)).collect::<Result<Vec<_>, _>>()?;
    match references.len() {
        0 => format("no reference"),
        1..=MAX_REFERENCES => Ok(SignedInfo { canonicalization, algorithm, references }),
        _ => Err(Broken {
            why: "too many references",
            conclusion: (SubIndication::SigConstraintsFailure, ReasonCode::TooComplex),
        }),
    }
}

/// `ds:Reference` (4.4.3).
fn reference<'t>(tree: &'t Tree<'_>, id: NodeId) -> Result<Reference<'t>, Broken> {
    if !tree.is(id, DS, "Reference") {
        return format("a part of SignedInfo that is not in the schema");
    }
    let Some(children) = tree.only_elements(id) else { return format("text in a reference") };
    let mut children = children.into_iter().peekable();
    let transforms = children.next_if(|c| tree.is(*c, DS, "Transforms"));
    let (Some(method), Some(value), None) = (
        children.next().filter(|c| tree.is(*c, DS, "DigestMethod")),
        children.next().filter(|c| tree.is(*c, DS, "DigestValue")),
        children.next(),
    ) else {
        return format("a reference has not one DigestMethod and then one DigestValue");
    };
    if tree.children(method).any(|child| tree.element(child).is_some()) {
        return format("parameters of a digest method");
    }
    let Some(digest) = tree.attribute(method, "Algorithm").and_then(algorithms::digest) else {
        return algorithm("a digest method that is not in the list");
    };
    let Some(expected) = tree.text(value).and_then(|text| text::base64(&text)) else {
        return format("a DigestValue is not base64");
    };
    let (enveloped, last) = match transforms {
        Some(transforms) => read_transforms(tree, transforms)?,
        None => (false, Last::Implied),
    };
    Ok(Reference {
        id: tree.attribute(id, "Id"),
        uri: tree.attribute(id, "URI"),
        of_type: tree.attribute(id, "Type"),
        enveloped,
        last,
        digest,
        expected,
    })
}

/// `ds:Transforms` (4.4.3.4): the enveloped signature at most once and first, then at most one that makes octets.
fn read_transforms<'t>(tree: &'t Tree<'_>, id: NodeId) -> Result<(bool, Last<'t>), Broken> {
    let Some(transforms) = tree.only_elements(id).filter(|all| !all.is_empty()) else {
        return format("Transforms is empty or has text");
    };
    if !transforms.iter().all(|transform| tree.is(*transform, DS, "Transform")) {
        return format("Transforms has a part that is not in the schema");
    }
    let mut transforms = transforms.into_iter().peekable();
    let named = |id: &NodeId, uri: &str| tree.attribute(*id, "Algorithm") == Some(uri);
    let has_parts = |id: NodeId| tree.children(id).any(|child| tree.element(child).is_some());
    let enveloped = transforms.next_if(|transform| named(transform, ENVELOPED));
    let last = match transforms.next() {
        None => Last::Implied,
        Some(transform) if named(&transform, BASE64) && !has_parts(transform) => Last::Base64,
        Some(transform) => Last::Canonical(method_of(tree, transform)?),
    };
    if transforms.next().is_some() || enveloped.is_some_and(has_parts) {
        return algorithm("transforms in an order that is not understood");
    }
    Ok((enveloped.is_some(), last))
}

/// A canonicalisation method with its parameter: of `CanonicalizationMethod`, or of a transform.
pub(super) fn method_of<'t>(tree: &'t Tree<'_>, id: NodeId) -> Result<Method<'t>, Broken> {
    let Some((form, comments)) = tree.attribute(id, "Algorithm").and_then(algorithms::canonicalization)
    else {
        return algorithm("a transform or canonicalisation method that is not in the list");
    };
    let mut prefixes = Vec::new();
    let mut parameters = tree.children(id).filter(|child| tree.element(*child).is_some());
    if let Some(parameter) = parameters.next() {
        let known = form == Form::Exclusive && tree.is(parameter, EXCLUSIVE, "InclusiveNamespaces");
        let Some(list) = tree.attribute(parameter, "PrefixList").filter(|_| known) else {
            return format("an unknown parameter of a canonicalisation method");
        };
        prefixes.extend(list.split_ascii_whitespace().map(|p| if p == "#default" { "" } else { p }));
        if prefixes.len() > super::reader::MAX_NAMESPACES_IN_SCOPE {
            return format("an unknown parameter of a canonicalisation method");
        }
    }
    if parameters.next().is_some() {
        return format("an unknown parameter of a canonicalisation method");
    }
    Ok(Method { form, comments, prefixes })
}
