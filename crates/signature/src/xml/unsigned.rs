//! Time-stamps and validation data of XAdES (EN 319 132-1 5.2.8, 5.3 to 5.5): what each time-stamp covers, computed
//! from the document; the tokens are judged elsewhere.
//!
//! Content: `AllDataObjectsTimeStamp`, `IndividualDataObjectsTimeStamp`. Signature: `SignatureTimeStamp`. Archive:
//! `ArchiveTimeStamp` of 1.4.1, the case that is not distributed (5.5.2.3). Of no use, and reported as such: the older
//! `ArchiveTimeStamp`, time-stamps over references only, explicit inclusion where the standard has the implicit one.
//! Refused: a container without an `EncapsulatedTimeStamp` (`XMLTimeStamp`). Not read: references to certificates and
//! revocation data, `RenewedDigestsV2`, attribute certificates.

use std::borrow::Cow;

use musubi_pki::{ReasonCode, SubIndication};

use super::algorithms::{DS, SIGNED_PROPERTIES_TYPE, XADES, XADES_141};
use super::c14n::{Method, Selection, canonical_bytes};
use super::key_info::{self, Values};
use super::reference::{Budget, Document, uncanonical};
use super::structure::{Broken, Parts, Reference, format, method_of};
use super::text;
use super::tree::NodeId;
use super::xades::{Qualifying, at_most_one};
use crate::{Covered, FoundTimestamp, TimestampKind};

/// Time-stamp tokens of one signature.
const MAX_TIMESTAMPS: usize = 64;

/// A signature in its document, with its properties.
pub(super) struct Reader<'r, 't, 'a> {
    pub(super) document: &'r Document<'t, 'a>,
    pub(super) parts: &'r Parts,
    pub(super) references: &'r [Reference<'t>],
    pub(super) qualifying: &'r Qualifying,
    pub(super) budget: &'r mut Budget,
}

impl<'a> Reader<'_, '_, 'a> {
    /// Time-stamps over the signed content (5.2.8), which stand in the signed properties.
    pub(super) fn content_timestamps(&mut self, found: &mut Vec<FoundTimestamp<'a>>) -> Result<(), Broken> {
        let tree = self.document.tree;
        let signed = self.qualifying.signed;
        let Some(properties) = at_most_one(tree, signed, XADES, "SignedDataObjectProperties")? else {
            return Ok(());
        };
        let all: Vec<NodeId> = tree.children_named(properties, XADES, "AllDataObjectsTimeStamp").collect();
        for container in all {
            self.timestamp(container, TimestampKind::Content, found, |this, method| {
                let of_content = |r: &&Reference<'_>| r.of_type != Some(SIGNED_PROPERTIES_TYPE);
                this.references.iter().filter(of_content).map(|r| this.octets(r, method)).collect()
            })?;
        }
        let some: Vec<NodeId> =
            tree.children_named(properties, XADES, "IndividualDataObjectsTimeStamp").collect();
        for container in some {
            let included = self.included(container)?;
            self.timestamp(container, TimestampKind::Content, found, |this, method| {
                let chosen = included.iter().filter_map(|index| this.references.get(*index));
                chosen.map(|r| this.octets(r, method)).collect()
            })?;
        }
        Ok(())
    }

    /// The references that `Include` elements name by their `Id` (5.1.4.4.2).
    fn included(&self, container: NodeId) -> Result<Vec<usize>, Broken> {
        let tree = self.document.tree;
        let mut chosen = Vec::new();
        for include in tree.children_named(container, XADES, "Include") {
            let id = tree.attribute(include, "URI").and_then(|uri| uri.strip_prefix('#'));
            let data = matches!(tree.attribute(include, "referencedData"), Some("true" | "1"));
            let mut named = (0..).zip(self.references).filter(|(_, r)| r.id.is_some() && r.id == id);
            match (named.next(), named.next()) {
                (Some((index, _)), None) if data && !chosen.contains(&index) => chosen.push(index),
                _ => return format("a time-stamp includes something that is no reference of this signature"),
            }
        }
        if chosen.is_empty() { format("a time-stamp over nothing") } else { Ok(chosen) }
    }

    /// The unsigned signature properties, in their order.
    pub(super) fn unsigned(
        &mut self,
        values: &mut Values,
        found: &mut Vec<FoundTimestamp<'a>>,
    ) -> Result<(), Broken> {
        let tree = self.document.tree;
        let Some(unsigned) = self.qualifying.unsigned else { return Ok(()) };
        let Some(properties) = tree.only_elements(unsigned) else {
            return format("text between unsigned properties");
        };
        for (index, property) in properties.iter().enumerate() {
            let Some(element) = tree.element(*property) else { continue };
            let before = properties.get(..index).unwrap_or_default();
            match (tree.uri(element.namespace), element.local) {
                (XADES, "SignatureTimeStamp") => {
                    let value = self.parts.value;
                    self.timestamp(*property, TimestampKind::Signature, found, |this, method| {
                        this.canonical(value, method).map(|octets| vec![octets])
                    })?;
                }
                (XADES_141, "ArchiveTimeStamp") => {
                    self.timestamp(*property, TimestampKind::Archive, found, |this, method| {
                        this.archived(before, method)
                    })?;
                }
                (XADES, "ArchiveTimeStamp" | "SigAndRefsTimeStamp" | "RefsOnlyTimeStamp")
                | (XADES_141, "SigAndRefsTimeStampV2" | "RefsOnlyTimeStampV2") => {
                    self.useless(*property, found)?;
                }
                (XADES, "CertificateValues") => self.certificate_values(*property, values)?,
                (XADES, "RevocationValues") => self.revocation_values(*property, values)?,
                (XADES_141, "TimeStampValidationData" | "AnyValidationData") => {
                    for part in tree.children_named(*property, XADES, "CertificateValues") {
                        self.certificate_values(part, values)?;
                    }
                    for part in tree.children_named(*property, XADES, "RevocationValues") {
                        self.revocation_values(part, values)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// 5.5.2.3, steps 3 to 6.
    fn archived(&mut self, before: &[NodeId], method: &Method<'_>) -> Result<Vec<Cow<'a, [u8]>>, Broken> {
        let mut octets = Vec::new();
        for reference in self.references {
            octets.push(self.octets(reference, method)?);
        }
        let parts = self.parts;
        let own = [Some(parts.signed_info), Some(parts.value), parts.key_info];
        let objects = parts.objects.iter().copied();
        let others =
            objects.filter(|object| !self.document.tree.is_within(self.qualifying.properties, *object));
        let others: Vec<NodeId> = others.collect();
        for id in own.into_iter().flatten().chain(before.iter().copied()).chain(others) {
            octets.push(self.canonical(id, method)?);
        }
        Ok(octets)
    }

    fn octets(&mut self, reference: &Reference<'_>, method: &Method<'_>) -> Result<Cow<'a, [u8]>, Broken> {
        self.document.octets(self.parts, reference, method, self.budget)
    }

    fn canonical(&mut self, id: NodeId, method: &Method<'_>) -> Result<Cow<'a, [u8]>, Broken> {
        let selection = Selection { apex: Some(id), without: None, comments: true };
        canonical_bytes(self.document.tree, selection, method, &mut self.budget.0).map_err(uncanonical)
    }

    /// The tokens of one container (5.1.4.4), each over what `covered` says.
    fn timestamp(
        &mut self,
        container: NodeId,
        kind: TimestampKind,
        found: &mut Vec<FoundTimestamp<'a>>,
        covered: impl FnOnce(&mut Self, &Method<'_>) -> Result<Vec<Cow<'a, [u8]>>, Broken>,
    ) -> Result<(), Broken> {
        let tree = self.document.tree;
        let individual = tree.is(container, XADES, "IndividualDataObjectsTimeStamp");
        if !individual && tree.children_named(container, XADES, "Include").next().is_some() {
            return self.tokens(container, kind, &Covered::Unusable("explicit inclusion"), found);
        }
        let method = match at_most_one(tree, container, DS, "CanonicalizationMethod")? {
            Some(id) => method_of(tree, id)?,
            None => Method::DEFAULT,
        };
        let covered = match covered(self, &method) {
            Ok(parts) => Covered::Parts(parts),
            Err(broken) => Covered::Unusable(broken.why),
        };
        self.tokens(container, kind, &covered, found)
    }

    fn useless(&mut self, container: NodeId, found: &mut Vec<FoundTimestamp<'a>>) -> Result<(), Broken> {
        let covered = Covered::Unusable("a time-stamp of a kind that is not used any more");
        self.tokens(container, TimestampKind::Other, &covered, found)
    }

    fn tokens(
        &mut self,
        container: NodeId,
        kind: TimestampKind,
        covered: &Covered<'a>,
        found: &mut Vec<FoundTimestamp<'a>>,
    ) -> Result<(), Broken> {
        let tree = self.document.tree;
        let mut any = false;
        // Each further token has its own copy of what it covers.
        let size = match covered {
            Covered::Parts(parts) => parts.iter().map(|part| part.len()).sum(),
            Covered::Unusable(_) => 0_usize,
        };
        // An archive time-stamp covers every property before it (5.5.2.3), the signed ones included.
        let covers = if kind == TimestampKind::Archive { (0..found.len()).collect() } else { Vec::new() };
        for token in tree.children_named(container, XADES, "EncapsulatedTimeStamp") {
            let Some(token) = tree.text(token).and_then(|text| text::base64(&text)) else {
                return format("a time-stamp that is not base64");
            };
            if found.len() >= MAX_TIMESTAMPS {
                return Err(Broken {
                    why: "too many time-stamps",
                    conclusion: (SubIndication::SigConstraintsFailure, ReasonCode::TooComplex),
                });
            }
            let covered = match self.budget.0.checked_sub(if any { size } else { 0 }) {
                Some(left) => {
                    self.budget.0 = left;
                    covered.clone()
                }
                None => Covered::Unusable("too much to be compared"),
            };
            let location = tree.path(container);
            let covers = covers.clone();
            found.push(FoundTimestamp { kind, location, token: Cow::Owned(token), covered, covers });
            any = true;
        }
        if any { Ok(()) } else { format("a time-stamp without a token") }
    }

    fn certificate_values(&self, id: NodeId, values: &mut Values) -> Result<(), Broken> {
        self.encapsulated(id, "EncapsulatedX509Certificate", &mut values.certificates)
    }

    fn revocation_values(&self, id: NodeId, values: &mut Values) -> Result<(), Broken> {
        let tree = self.document.tree;
        for list in tree.children_named(id, XADES, "CRLValues") {
            self.encapsulated(list, "EncapsulatedCRLValue", &mut values.crls)?;
        }
        for list in tree.children_named(id, XADES, "OCSPValues") {
            self.encapsulated(list, "EncapsulatedOCSPValue", &mut values.ocsp)?;
        }
        Ok(())
    }

    /// Values in DER, which is what the absence of an encoding means (5.1.3); others are passed over.
    fn encapsulated(&self, parent: NodeId, local: &str, to: &mut Vec<Vec<u8>>) -> Result<(), Broken> {
        let tree = self.document.tree;
        for value in tree.children_named(parent, XADES, local) {
            let encoding = tree.attribute(value, "Encoding");
            if encoding.is_none_or(|e| e == "http://uri.etsi.org/01903/v1.2.2#DER") {
                key_info::add(tree, value, to)?;
            }
        }
        Ok(())
    }
}
