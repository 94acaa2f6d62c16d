//! The interactive form (ISO 32000-2 12.7): its tree of fields, and which of them are signed.
//!
//! Refused: a tree that meets itself, deeper than 32 levels or of more than 65,536 fields.

use std::collections::BTreeSet;

use super::lexer::{Result, malformed};
use super::objects::{Dict, Id, Object};
use super::reader::{Reader, State};
use crate::NotASignature;

/// Fields inside of fields.
pub(super) const MAX_LEVELS: usize = 32;
const MAX_FIELDS: usize = 1 << 16;
/// Octets of a fully qualified name: each field below repeats it.
const MAX_NAME: usize = 4_096;

/// A field with a value that is, or may be, a signature.
#[derive(Debug, Clone)]
pub(super) struct SignedField {
    /// The field.
    pub(super) id: Id,
    /// Its fully qualified name (12.7.4.2).
    pub(super) name: String,
    /// The signature dictionary; `None` if it stands in the field itself.
    pub(super) value: Option<Id>,
    /// Whether it is a signature field, by itself, above or below.
    pub(super) is_signature_field: bool,
}

/// The form's dictionary.
pub(super) fn form<'r>(reader: &'r Reader<'_>, state: State) -> Result<Option<Dict<'r>>> {
    let catalog = reader.catalog(state)?;
    match reader.resolve(state, catalog.get(b"AcroForm"))? {
        Object::Null => Ok(None),
        Object::Dict(form) => Ok(Some(form)),
        _ => malformed("the form of the document"),
    }
}

/// Whether a dictionary says to be a signature: what hides one from a viewer must not hide it from us.
pub(super) fn says_to_be_a_signature(dict: &Dict<'_>) -> bool {
    dict.get(b"ByteRange").is_some() || matches!(dict.name(b"Type"), Some(b"Sig" | b"DocTimeStamp"))
}

/// Every field with a signature, in the order of the tree.
pub(super) fn signed_fields(reader: &Reader<'_>, state: State) -> Result<Vec<SignedField>> {
    let Some(form) = form(reader, state)? else { return Ok(Vec::new()) };
    let fields = reader.resolve(state, form.get(b"Fields"))?;
    let mut walk = Walk { reader, state, seen: BTreeSet::new(), found: Vec::new() };
    for field in fields.as_array().unwrap_or_default() {
        walk.node(field, "", false, 0)?;
    }
    Ok(walk.found)
}

struct Walk<'w, 'a> {
    reader: &'w Reader<'a>,
    state: State,
    seen: BTreeSet<u32>,
    found: Vec<SignedField>,
}

impl Walk<'_, '_> {
    /// Returns whether the node, or one below it, says to be a signature field.
    fn node(&mut self, node: &Object<'_>, above: &str, inherited: bool, level: usize) -> Result<bool> {
        let Object::Ref(id) = node else { return malformed("a form field that is no object of its own") };
        if level > MAX_LEVELS || self.seen.len() >= MAX_FIELDS {
            return Err(NotASignature::TooMuch { what: "form fields", limit: MAX_FIELDS });
        }
        if !self.seen.insert(id.number) {
            return malformed("a form field stands twice in the form");
        }
        let loaded = self.reader.load(self.state, *id)?;
        // Programs that delete a field may leave the reference (7.3.10: it is `null`).
        if matches!(loaded, Object::Null) {
            return Ok(false);
        }
        let Some(field) = loaded.as_dict() else { return malformed("a form field") };
        let name = qualified(above, self.reader.resolve(self.state, field.get(b"T"))?.as_text());
        if name.len() > MAX_NAME {
            return Err(NotASignature::TooMuch { what: "octets of a form field's name", limit: MAX_NAME });
        }
        let kind = self.reader.resolve(self.state, field.get(b"FT"))?;
        let is_signature = kind.as_name().map_or(inherited, |kind| kind == b"Sig");
        let place = self.found.len();
        let value = self.reader.resolve(self.state, field.get(b"V"))?;
        let is_value = value.dict().is_some_and(says_to_be_a_signature);
        let mut below = false;
        let kids = self.reader.resolve(self.state, field.get(b"Kids"))?;
        for kid in kids.as_array().unwrap_or_default() {
            below |= self.node(kid, &name, is_signature, level + 1)?;
        }
        let is_signature_field = is_signature || below;
        if is_value || (is_signature_field && !matches!(value, Object::Null)) {
            let value = field.get(b"V").and_then(Object::as_ref);
            self.found.insert(place, SignedField { id: *id, name, value, is_signature_field });
        }
        Ok(is_signature_field)
    }
}

/// A partial name below its parents' names.
pub(super) fn qualified(above: &str, partial: Option<super::objects::Text<'_>>) -> String {
    match partial.map(|text| text.to_text()) {
        None => above.to_owned(),
        Some(name) if above.is_empty() => name,
        Some(name) => format!("{above}.{name}"),
    }
}
