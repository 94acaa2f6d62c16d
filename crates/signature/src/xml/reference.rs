//! What a reference points to, and the digest of it (XMLDSIG 1.1 4.4.3.2 and 4.4.3.3).
//!
//! Accepted: the whole document (`""`, `#xpointer(/)`), one element by its identifier (`#id`, `#xpointer(id('id'))`),
//! and one file beside the document. Refused: an identifier that occurs twice in the document, under whatever name and
//! namespace (two readers may find two elements); an element of another signature, but for the value that a
//! counter-signature signs; the signature's own `SignedInfo` and `SignatureValue`; the enveloped-signature transform
//! where the signature does not stand inside of what is signed, and its absence where it does: that is how nearly all
//! signature wrapping shows (McIntosh and Austel 2005; Somorovsky et al. 2012, XSW 1 to 8); the base64 transform over
//! markup, which it does not protect.

use std::borrow::Cow;

use musubi_crypto::{Digest, DigestAlgorithm, equal_in_constant_time};
use musubi_pki::{ReasonCode, SubIndication};

use super::algorithms::{COUNTERSIGNED_TYPE, DS};
use super::c14n::{CanonicalError, Method, Output, Selection, canonicalize};
use super::chars::is_ncname;
use super::structure::{Broken, Last, Parts, Reference, coverage, format};
use super::tree::{Kind, NamespaceId, NodeId, Tree};
use super::{reader, text};

/// What is at hand for every signature of a file.
pub(super) struct Document<'t, 'a> {
    pub(super) tree: &'t Tree<'a>,
    /// Every attribute that a reader may take for an identifier, with its element; sorted by value.
    pub(super) ids: Vec<Identifier<'t>>,
    /// The file beside it.
    pub(super) detached: Option<&'a [u8]>,
}

/// An attribute that looks like an identifier.
pub(super) struct Identifier<'t> {
    value: &'t str,
    element: NodeId,
    /// `Id`, `ID` or `id` in no namespace, or `xml:id`: those that are looked up.
    usable: bool,
}

/// Octets that may still be made canonical for one file.
#[derive(Debug)]
pub(super) struct Budget(pub(super) usize);

/// What a reference points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// The whole document.
    Document { comments: bool },
    /// An element and all in it.
    Element { id: NodeId, comments: bool },
    /// The file beside the document.
    External,
}

/// Every attribute named `id` in any spelling and namespace, sorted by value.
pub(super) fn identifiers<'t>(tree: &'t Tree<'_>) -> Vec<Identifier<'t>> {
    let mut found = Vec::new();
    for (index, node) in (0_u32..).zip(&tree.nodes) {
        let Kind::Element(element) = &node.kind else { continue };
        for attribute in tree.attributes(element) {
            if !attribute.local.eq_ignore_ascii_case("id") {
                continue;
            }
            let usable = match attribute.namespace {
                NamespaceId::NONE => matches!(attribute.local, "Id" | "ID" | "id"),
                NamespaceId::XML => attribute.local == "id",
                _ => false,
            };
            found.push(Identifier { value: &attribute.value, element: NodeId(index), usable });
        }
    }
    found.sort_by(|a, b| a.value.cmp(b.value));
    found
}

impl<'t, 'a> Document<'t, 'a> {
    /// The one element with this identifier.
    pub(super) fn by_id(&self, id: &str) -> Result<NodeId, Broken> {
        if !is_ncname(id) {
            return format("a reference to something that is no identifier");
        }
        let start = self.ids.partition_point(|i| i.value < id);
        let mut same = self.ids.iter().skip(start).take_while(|i| i.value == id);
        match (same.next(), same.next()) {
            (Some(one), None) if one.usable => Ok(one.element),
            (Some(_), None) => coverage("an identifier in an attribute that is not Id, ID, id or xml:id"),
            (Some(_), Some(_)) => coverage("an identifier that occurs twice"),
            (None, _) => Err(Broken {
                why: "nothing has the identifier",
                conclusion: (SubIndication::SignedDataNotFound, ReasonCode::SignatureCoverage),
            }),
        }
    }

    /// What the reference points to, if a signature at this place may sign it in this way.
    pub(super) fn target(&self, parts: &Parts, reference: &Reference<'_>) -> Result<Target, Broken> {
        let target = match reference.uri {
            Some("") => Target::Document { comments: false },
            Some("#xpointer(/)") => Target::Document { comments: true },
            Some(uri) => match uri.strip_prefix('#') {
                Some(fragment) => match pointed(fragment) {
                    Some(id) => Target::Element { id: self.by_id(id)?, comments: true },
                    None => Target::Element { id: self.by_id(fragment)?, comments: false },
                },
                None if uri.contains('#') => return format("a reference to a part of another file"),
                None => Target::External,
            },
            None => Target::External,
        };
        match target {
            Target::External if reference.enveloped => coverage("an enveloped signature in another file"),
            Target::External if self.detached.is_none() => Err(Broken {
                why: "the signed file is not beside the document",
                conclusion: (SubIndication::SignedDataNotFound, ReasonCode::SignatureCoverage),
            }),
            Target::Document { .. } if parts.signature == self.tree.root => {
                coverage("the signature is the whole document, and what it leaves out is itself")
            }
            Target::Element { id, .. } if !self.tree.is_within(parts.signature, id) => {
                self.beside_or_inside(parts, reference, id).map(|()| target)
            }
            Target::Element { id, .. } if id == parts.signature => coverage("the signature itself is signed"),
            Target::Document { .. } | Target::Element { .. } if !reference.enveloped => {
                coverage("what is signed has the signature in it, without the enveloped-signature transform")
            }
            _ => Ok(target),
        }
    }

    /// An element in which the signature does not stand.
    fn beside_or_inside(&self, parts: &Parts, reference: &Reference<'_>, id: NodeId) -> Result<(), Broken> {
        if reference.enveloped {
            return coverage("the enveloped-signature transform, but the signature is not in what is signed");
        }
        let tree = self.tree;
        if tree.is_within(id, parts.signature) {
            let allowed = parts.objects.iter().chain(&parts.key_info);
            if !allowed.into_iter().any(|part| tree.is_within(id, *part)) {
                return coverage("a part of the signature that it cannot sign");
            }
        }
        if reference.of_type == Some(COUNTERSIGNED_TYPE) {
            return if tree.is(id, DS, "SignatureValue") {
                Ok(())
            } else {
                coverage("a counter-signature of something that is no signature value")
            };
        }
        let of_another =
            |outer: NodeId| tree.is(outer, DS, "Signature") && !tree.is_within(parts.signature, outer);
        if of_another(id) || tree.ancestors(id).any(of_another) {
            return coverage("an element of another signature");
        }
        Ok(())
    }

    /// The octets that a reference signs, written to `output`. Where the transforms end in a node-set, `implied` makes
    /// the octets.
    pub(super) fn write(
        &self,
        parts: &Parts,
        reference: &Reference<'_>,
        target: Target,
        implied: &Method<'_>,
        output: &mut Output,
    ) -> Result<(), Broken> {
        let without = reference.enveloped.then_some(parts.signature);
        let (apex, comments) = match target {
            Target::Document { comments } => (None, comments),
            Target::Element { id, comments } => (Some(id), comments),
            Target::External => return self.write_external(reference, output),
        };
        let method = match &reference.last {
            Last::Implied => implied,
            Last::Canonical(method) => method,
            Last::Base64 => {
                let octets = self.decoded(parts, apex)?;
                return output.put(&octets).map_err(uncanonical);
            }
        };
        let selection = Selection { apex, without, comments };
        canonicalize(self.tree, selection, method, output).map_err(uncanonical)
    }

    fn write_external(&self, reference: &Reference<'_>, output: &mut Output) -> Result<(), Broken> {
        let file = self.detached.unwrap_or_default();
        output.spend(file.len()).map_err(uncanonical)?;
        match &reference.last {
            Last::Implied => output.put(file).map_err(uncanonical),
            Last::Base64 => match std::str::from_utf8(file).ok().and_then(text::base64) {
                Some(octets) => output.put(&octets).map_err(uncanonical),
                None => format("the file beside the document is not base64"),
            },
            Last::Canonical(method) => {
                let Ok(tree) = reader::read(file) else {
                    return format("the file beside the document is no XML");
                };
                let selection = Selection { apex: None, without: None, comments: true };
                canonicalize(&tree, selection, method, output).map_err(uncanonical)
            }
        }
    }

    /// The base64 transform of a node-set (6.6.2): its text, decoded. Markup around the text is not signed then, so
    /// only an object of the signature, or an element in one, can be signed in this way, and only if it holds text
    /// alone.
    fn decoded(&self, parts: &Parts, apex: Option<NodeId>) -> Result<Vec<u8>, Broken> {
        let in_object = |id: &NodeId| parts.objects.iter().any(|object| self.tree.is_within(*id, *object));
        let Some(text) = apex.filter(in_object).and_then(|id| self.tree.text(id)) else {
            return coverage("base64 of something that is no text in an object of the signature");
        };
        text::base64(&text).map_or_else(|| format("what is signed is not base64"), Ok)
    }

    /// Checks the digest of a reference (XMLDSIG 1.1 3.2.1).
    pub(super) fn check_digest(
        &self,
        parts: &Parts,
        reference: &Reference<'_>,
        target: Target,
        budget: &mut Budget,
    ) -> Result<(), Broken> {
        let found = self.digest(parts, reference, target, reference.digest, budget)?;
        let same = equal_in_constant_time(found.as_ref(), &reference.expected);
        let tampered = (SubIndication::HashFailure, ReasonCode::SignatureTampered);
        if same { Ok(()) } else { Err(Broken { why: "the digest differs", conclusion: tampered }) }
    }

    fn digest(
        &self,
        parts: &Parts,
        reference: &Reference<'_>,
        target: Target,
        algorithm: DigestAlgorithm,
        budget: &mut Budget,
    ) -> Result<Digest, Broken> {
        // A file that is signed as it stands costs one hash, of whatever length it is.
        if target == Target::External && reference.last == Last::Implied {
            return Ok(algorithm.digest(&[self.detached.unwrap_or_default()]));
        }
        let mut output = Output::digest(algorithm, budget.0);
        // What comes to nothing has cost its work all the same.
        let written = self.write(parts, reference, target, &Method::DEFAULT, &mut output);
        budget.0 = output.left();
        written?;
        output.into_digest().map_or_else(|| format("no digest"), Ok)
    }

    /// The octets that a reference signs, for a time-stamp over them.
    pub(super) fn octets(
        &self,
        parts: &Parts,
        reference: &Reference<'_>,
        implied: &Method<'_>,
        budget: &mut Budget,
    ) -> Result<Cow<'a, [u8]>, Broken> {
        let target = self.target(parts, reference)?;
        if let (Target::External, Last::Implied, Some(file)) = (target, &reference.last, self.detached) {
            return Ok(Cow::Borrowed(file));
        }
        let mut output = Output::keep(budget.0);
        let written = self.write(parts, reference, target, implied, &mut output);
        budget.0 = output.left();
        written?;
        Ok(Cow::Owned(output.into_bytes()))
    }
}

/// The identifier of `xpointer(id('…'))`.
fn pointed(fragment: &str) -> Option<&str> {
    let quoted = fragment.strip_prefix("xpointer(id(")?.strip_suffix("))")?;
    let inside = |quote| quoted.strip_prefix(quote)?.strip_suffix(quote);
    inside('\'').or_else(|| inside('"'))
}

pub(super) fn uncanonical(error: CanonicalError) -> Broken {
    match error {
        CanonicalError::TooMuch => Broken {
            why: "more would have to be made canonical than is done for one file",
            conclusion: (SubIndication::SigConstraintsFailure, ReasonCode::TooComplex),
        },
        CanonicalError::RelativeNamespace => Broken {
            why: "a relative namespace name has no canonical form",
            conclusion: (SubIndication::FormatFailure, ReasonCode::SignatureMalformed),
        },
        CanonicalError::Base => Broken {
            why: "xml:base of several levels",
            conclusion: (SubIndication::FormatFailure, ReasonCode::SignatureMalformed),
        },
    }
}
