//! XML signatures (XMLDSIG 1.1) and XAdES (EN 319 132-1, with the properties of TS 101 903 1.3.2 that it keeps).
//!
//! Every `ds:Signature` of a document is found, wherever it stands, and each demand of the format is a rule of its
//! own. One text is read once, into one tree: what is verified and what is reported come from the same nodes, so
//! there is no second reader to disagree with the first.
//!
//! Refused, each where it is looked at:
//! - `reader`: whatever is not strictly XML 1.0 in UTF-8; document types and entities; sizes beyond the limits.
//! - `structure`: parts that are doubled, misplaced or unknown; comments in `SignedInfo`; parameters of algorithms.
//! - `algorithms`: HMAC, and every method and transform that is not in the lists (XPath, XSLT).
//! - `reference`: doubled identifiers; parts of other signatures; enveloped signatures that are not where they claim.
//! - `c14n`: relative namespace names.
//! - `key_info`: every key that is not a certificate's.
//! - `xades`: signed properties of another signature or without protection; another certificate than the signed one.
//! - `unsigned`: time-stamps whose cover cannot be told.
//!
//! A `ds:Manifest` is not followed: what it lists is not counted as signed (XMLDSIG 1.1 5.1 leaves a failed digest in
//! one to the application, so nothing follows from a signature over it); the manifest itself is a signed part like
//! another.

mod algorithms;
mod c14n;
mod chars;
mod extent;
mod key_info;
mod lexical;
mod reader;
mod reference;
mod structure;
mod text;
mod tree;
mod unsigned;
mod xades;

use std::borrow::Cow;

use musubi_crypto::EcdsaEncoding;
use musubi_pki::{CheckResult, Outcome, ReasonCode, SubIndication};

use self::algorithms::{COUNTERSIGNED_TYPE, DS, SIGNED_PROPERTIES_TYPE};
use self::c14n::{Method, Selection, canonical_bytes};
use self::key_info::Values;
use self::reference::{Budget, Document, Target, uncanonical};
use self::structure::{Broken, Parts, Reference, SignedInfo, format};
use self::tree::NodeId;
use self::xades::{Named, Qualifying};
use crate::{Extent, Found, Level, NotASignature, Role, Rule, Signed, Signer, TimestampKind};

/// Signatures of one document.
const MAX_SIGNATURES: usize = 64;
/// Octets that are made canonical for a file, beside eight times its size.
const CANONICAL_OCTETS: usize = 16 * 1024 * 1024;

/// Finds every XML signature of a document. `detached` is the file to which a reference outside of the document
/// points.
///
/// # Errors
/// [`NotASignature`] if the file is no XML document, has no signature or goes beyond the limits; `ContentMissing` if
/// every signature of it signs a file that was not given.
pub fn find<'a>(file: &'a [u8], detached: Option<&'a [u8]>) -> Result<Vec<Found<'a>>, NotASignature> {
    let tree = reader::read(file)?;
    let signatures: Vec<NodeId> =
        tree.subtree(tree.root).filter(|id| tree.is(*id, DS, "Signature")).take(MAX_SIGNATURES + 1).collect();
    match signatures.len() {
        0 => return Err(NotASignature::NoSignature),
        1..=MAX_SIGNATURES => {}
        _ => {
            return Err(NotASignature::TooMuch {
                what: "signatures of an XML document",
                limit: MAX_SIGNATURES,
            });
        }
    }
    let size = file.len().saturating_add(detached.map_or(0, <[u8]>::len));
    let mut budget = Budget(size.saturating_mul(8).saturating_add(CANONICAL_OCTETS));
    let document = Document { tree: &tree, ids: reference::identifiers(&tree), detached };
    let mut content_missing = detached.is_none();
    let mut found = Vec::new();
    for signature in signatures {
        let mut examination = Examination::new(&document, signature);
        examination.run(&mut budget);
        content_missing &= examination.content_missing;
        found.push(examination.found);
    }
    if content_missing { Err(NotASignature::ContentMissing) } else { Ok(found) }
}

/// The canonical form of a document, or of its one element with this identifier, as a reference to it would have it
/// signed: `algorithm` is the identifier of a canonicalisation method, `prefixes` the `PrefixList` of an exclusive one
/// (`#default` for the default namespace).
///
/// # Errors
/// [`NotASignature`] if the file is no XML document, has no such element or no canonical form, or the algorithm is
/// not in the list.
pub fn canonical_form(
    file: &[u8],
    id: Option<&str>,
    algorithm: &str,
    prefixes: &[&str],
) -> Result<Vec<u8>, NotASignature> {
    let tree = reader::read(file)?;
    let (form, comments) =
        algorithms::canonicalization(algorithm).ok_or(NotASignature::Malformed("unknown algorithm"))?;
    let prefixes = prefixes.iter().map(|p| if *p == "#default" { "" } else { *p }).collect();
    let document = Document { tree: &tree, ids: reference::identifiers(&tree), detached: None };
    let apex = id.map(|id| document.by_id(id)).transpose();
    let apex = apex.map_err(|broken| NotASignature::Malformed(broken.why))?;
    let selection = Selection { apex, without: None, comments: true };
    let mut limit = file.len().saturating_mul(16).saturating_add(CANONICAL_OCTETS);
    canonical_bytes(&tree, selection, &Method { form, comments, prefixes }, &mut limit)
        .map(Cow::into_owned)
        .map_err(|error| NotASignature::Malformed(uncanonical(error).why))
}

struct Examination<'r, 't, 'a> {
    document: &'r Document<'t, 'a>,
    signature: NodeId,
    found: Found<'a>,
    /// It signs a file that is not at hand.
    content_missing: bool,
}

impl<'r, 't, 'a> Examination<'r, 't, 'a> {
    fn new(document: &'r Document<'t, 'a>, signature: NodeId) -> Self {
        let nothing = Extent::Part("nothing".to_owned());
        let mut found = Found::unread("XML signature", document.tree.path(signature), nothing);
        found.value.algorithm = Err("none".to_owned());
        found.value.encoding = EcdsaEncoding::Fixed;
        Self { document, signature, found, content_missing: false }
    }

    /// Adds a rule: passed with the value, or failed.
    fn rule<T>(&mut self, id: &'static str, citation: &'static str, result: Result<T, Broken>) -> Option<T> {
        let (check, on_failure, value) = match result {
            Ok(value) => {
                let conclusion = (SubIndication::FormatFailure, ReasonCode::SignatureMalformed);
                (CheckResult::passed(id, citation), conclusion, Some(value))
            }
            Err(Broken { why, conclusion }) => {
                (CheckResult::failed(id, citation).with("why", why), conclusion, None)
            }
        };
        self.found.rules.push(Rule { result: check, on_failure });
        value
    }

    fn run(&mut self, budget: &mut Budget) {
        let tree = self.document.tree;
        let structure = structure::parts(tree, self.signature).and_then(|parts| {
            let signed_info = structure::signed_info(tree, parts.signed_info)?;
            Ok((parts, signed_info))
        });
        let Some((parts, signed_info)) = self.rule("xml.structure", "XMLDSIG 1.1 4.2 to 4.4", structure)
        else {
            return;
        };
        self.value(&parts, &signed_info, budget);
        let targets = self.references(&parts, &signed_info.references, budget);
        let references: Vec<(&Reference<'t>, Option<Target>)> =
            signed_info.references.iter().zip(targets).collect();
        self.found.digests = signed_info.references.iter().map(|r| r.digest).collect();
        self.found.digests.sort_unstable();
        self.found.digests.dedup();

        let mut values = Values::default();
        if let Some(key_info) = parts.key_info {
            let read = key_info::read(tree, key_info, &mut values);
            self.rule("xml.key_info", "XMLDSIG 1.1 4.5.4", read);
        }
        let in_key_info = values.certificates.len();
        let qualifying = xades::qualifying(tree, &parts);
        let qualifying = match qualifying {
            Ok(None) => None,
            other => {
                self.found.format = "XAdES";
                self.rule("xades.qualifying_properties", "EN 319 132-1 4.3, 4.4", other).flatten()
            }
        };
        // It signs other signatures and nothing else.
        let mut content =
            references.iter().filter(|(r, _)| r.of_type != Some(SIGNED_PROPERTIES_TYPE)).peekable();
        if content.peek().is_some() && content.all(|(r, _)| r.of_type == Some(COUNTERSIGNED_TYPE)) {
            self.found.role = Role::CounterSignature;
        }
        // What is given beside the document is taken for what is signed.
        if self.document.detached.is_some() && self.found.role == Role::Signature {
            let is_signed = match signed_info.references.iter().any(Reference::is_external) {
                true => Ok(()),
                false => structure::coverage("the content that was given is not what is signed"),
            };
            self.rule("xml.detached_content", "XMLDSIG 1.1 4.4.3.1", is_signed);
        }
        let extent = extent::of(self.document, &parts, qualifying.as_ref(), &references);
        if let Some(extent) = self.rule("xml.coverage", "XMLDSIG 1.1 8.1.2, 8.1.3", extent) {
            self.found.extent = extent;
        }
        match qualifying {
            Some(qualifying) => {
                self.properties(
                    &parts,
                    &signed_info.references,
                    &qualifying,
                    &references,
                    &mut values,
                    budget,
                );
            }
            None => {
                let first = values.certificates.get(..in_key_info).unwrap_or_default();
                let end = key_info::end_entity(first).and_then(|index| values.certificates.get(index));
                if let Some(certificate) = end {
                    self.found.signer = Signer::Certificate(Cow::Owned(certificate.clone()));
                }
            }
        }
        let owned = |all: Vec<Vec<u8>>| all.into_iter().map(Cow::Owned).collect();
        self.found.certificates = owned(values.certificates);
        self.found.crls = owned(values.crls);
        self.found.ocsp = owned(values.ocsp);
    }

    /// `SignatureValue`, and the canonical `SignedInfo` that it signs (4.3, 4.4.1).
    fn value(&mut self, parts: &Parts, signed_info: &SignedInfo<'t>, budget: &mut Budget) {
        let tree = self.document.tree;
        let selection = Selection { apex: Some(parts.signed_info), without: None, comments: true };
        let bytes = canonical_bytes(tree, selection, &signed_info.canonicalization, &mut budget.0)
            .map_err(uncanonical);
        let value = tree.text(parts.value).and_then(|text| text::base64(&text));
        let value = value.map_or_else(|| format("SignatureValue is not base64"), Ok);
        let both = bytes.and_then(|bytes| Ok((bytes, value?)));
        let Some((bytes, value)) = self.rule("xml.signature_value", "XMLDSIG 1.1 4.3, 4.4.1", both) else {
            return;
        };
        self.found.value.algorithm = signed_info.algorithm.clone();
        self.found.value.signed = Signed::Bytes(bytes);
        self.found.value.signature = Cow::Owned(value);
    }

    /// Checks every reference, each a rule; the targets of those that hold.
    fn references(
        &mut self,
        parts: &Parts,
        references: &[Reference<'t>],
        budget: &mut Budget,
    ) -> Vec<Option<Target>> {
        let document = self.document;
        let external = references.iter().filter(|reference| reference.is_external()).count();
        self.content_missing = external > 0 && document.detached.is_none();
        let mut targets = Vec::new();
        for (number, reference) in (1_usize..).zip(references) {
            let target = document.target(parts, reference).and_then(|target| match target {
                Target::External if external > 1 => structure::coverage("references to several other files"),
                _ => Ok(target),
            });
            let signed = target.map(|target| match target {
                Target::Document { .. } => "/".to_owned(),
                Target::Element { id, .. } => document.tree.path(id),
                Target::External => "another file".to_owned(),
            });
            let checked = target
                .and_then(|target| document.check_digest(parts, reference, target, budget).map(|()| target));
            let target = self.rule("xml.reference", "XMLDSIG 1.1 3.2.1, 4.4.3", checked);
            if let Some(rule) = self.found.rules.last_mut() {
                let digest = reference.digest.as_str();
                let mut result = rule.result.clone().with("reference", number).with("digest", digest);
                if let Ok(signed) = signed {
                    result = result.with("signed", signed);
                }
                rule.result = result;
            }
            targets.push(target);
        }
        targets
    }

    fn properties(
        &mut self,
        parts: &Parts,
        references: &[Reference<'t>],
        qualifying: &Qualifying,
        targets: &[(&Reference<'t>, Option<Target>)],
        values: &mut Values,
        budget: &mut Budget,
    ) {
        let tree = self.document.tree;
        let protected = xades::check_protected(qualifying, targets);
        let protected = self.rule("xades.signed_properties", "EN 319 132-1 4.4.2", protected).is_some();
        let mut timestamps = Vec::new();
        let mut reader = unsigned::Reader { document: self.document, parts, references, qualifying, budget };
        let content = reader.content_timestamps(&mut timestamps);
        let unsigned = reader.unsigned(values, &mut timestamps);
        self.rule("xades.timestamps", "EN 319 132-1 5.2.8, 5.3 to 5.5", content.and(unsigned));
        self.found.timestamps = timestamps;
        if !protected {
            return;
        }
        self.found.claimed_signing_time = xades::signing_time(tree, qualifying.signed);
        let named = xades::signing_certificate(tree, qualifying.signed, &values.certificates);
        let named = named.and_then(|named| match named {
            Named::Candidate(index) => Ok(index),
            Named::Nobody => format("the signed properties name no certificate"),
        });
        let named = self.rule("xades.signing_certificate", "EN 319 132-1 5.2.2; EN 319 102-1 5.2.3", named);
        if let Some(certificate) = named.and_then(|index| values.certificates.get(index)) {
            self.found.signer = Signer::Certificate(Cow::Owned(certificate.clone()));
            self.found.level = self.level(values);
        }
        let explicit = xades::explicit_policy(tree, qualifying.signed);
        let explicit = self.rule("xades.policy", "EN 319 132-1 5.2.9; EN 319 102-1 5.2.4", explicit);
        if let (Some(true), Some(rule)) = (explicit, self.found.rules.last_mut()) {
            let (id, citation) = (rule.result.id().to_owned(), rule.result.citation().to_owned());
            rule.result =
                CheckResult::new(id, citation, Outcome::Skipped).with("policy", "explicit, not processed");
        }
    }

    /// By what is there, each level over the one below.
    fn level(&self, values: &Values) -> Level {
        let has = |kind| self.found.timestamps.iter().any(|t| t.kind == kind);
        let revocation = !values.crls.is_empty() || !values.ocsp.is_empty();
        match (has(TimestampKind::Signature), revocation, has(TimestampKind::Archive)) {
            (false, ..) => Level::B,
            (true, false, _) => Level::T,
            (true, true, false) => Level::Lt,
            (true, true, true) => Level::Lta,
        }
    }
}
