//! Changes of the form (ISO 32000-2 12.7): what was filled in, what was signed, which signature fields are new.

use super::super::form::{MAX_LEVELS, qualified, says_to_be_a_signature};
use super::super::objects::{Dict, Id, Object};
use super::{Comparison, Outcome, keys, refused};

/// `/Ff` of a field that may not be filled in (table 227).
const READ_ONLY: i64 = 1;
/// `/Ff` of a button that keeps no value (table 229).
const PUSH_BUTTON: i64 = 1 << 16;

/// What the fields above say.
#[derive(Clone)]
struct Above {
    name: String,
    kind: Vec<u8>,
    flags: i64,
    /// Whether the value of a signature field above is new.
    is_signed_now: bool,
    level: usize,
}

/// What a signature value is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NewValue {
    None,
    Signature,
    Timestamp,
}

impl<'r> Comparison<'r, '_> {
    /// The form's dictionary and its fields.
    pub(super) fn form(&mut self, old: Option<&Object<'r>>, new: Option<&Object<'r>>) -> Outcome {
        let (old, new) = (self.reader.resolve(self.old, old)?, self.reader.resolve(0, new)?);
        let empty = Dict::default();
        let is_new = matches!(old, Object::Null);
        let (old, new) = match (&old, &new) {
            (Object::Null, Object::Null) => return Ok(()),
            (Object::Null, Object::Dict(new)) => (&empty, new),
            (Object::Dict(old), Object::Dict(new)) => (old, new),
            _ => return refused("the form was replaced"),
        };
        // The fields first: they are met again from the pages.
        self.fields(old.get(b"Fields"), new.get(b"Fields"))?;
        for key in keys(old, new) {
            let allowed = match key {
                b"Fields" => true,
                b"SigFlags" => new.integer(key).is_some_and(|flags| (0..=3).contains(&flags)),
                b"DR" | b"DA" if is_new => true,
                _ => self.equal.same(old.get(key), new.get(key))?,
            };
            if !allowed {
                return refused("the form was changed");
            }
        }
        Ok(())
    }

    fn fields(&mut self, old: Option<&Object<'r>>, new: Option<&Object<'r>>) -> Outcome {
        let before = self.reader.resolve_array(self.old, old)?;
        let after = self.reader.resolve_array(0, new)?;
        let (Some(retained), Some(added)) = (after.get(..before.len()), after.get(before.len()..)) else {
            return refused("a form field was deleted");
        };
        let above = Above { name: String::new(), kind: Vec::new(), flags: 0, is_signed_now: false, level: 0 };
        for (old, new) in before.iter().zip(retained) {
            match (old, new) {
                (Object::Ref(old), Object::Ref(new)) if old == new => self.field(*old, &above)?,
                _ => return refused("a form field was replaced"),
            }
        }
        added.iter().try_for_each(|field| self.added_field(field))
    }

    /// A field that was there, or a widget of one.
    fn field(&mut self, id: Id, above: &Above) -> Outcome {
        if above.level > MAX_LEVELS || !self.equal.set_apart(id) {
            return refused("the fields of the form are no tree");
        }
        let (old, new) = (self.reader.load(self.old, id)?, self.reader.load(0, id)?);
        let (old, new) = match (&old, &new) {
            (Object::Dict(old), Object::Dict(new)) => (old, new),
            (Object::Null, Object::Null) => return Ok(()),
            _ => return refused("a form field was replaced"),
        };
        let partial = self.reader.resolve(self.old, old.get(b"T"))?.as_text();
        if let (0, Some(name)) = (above.level, partial) {
            self.names.insert(name.to_text());
        }
        let mut here = Above {
            name: qualified(&above.name, partial),
            kind: old.name(b"FT").map_or_else(|| above.kind.clone(), <[u8]>::to_vec),
            flags: self.reader.resolve(self.old, old.get(b"Ff"))?.as_integer().unwrap_or(above.flags),
            is_signed_now: above.is_signed_now,
            level: above.level + 1,
        };
        let mut changed = Vec::new();
        for key in keys(old, new) {
            let (before, after) = (old.get(key), new.get(key));
            let is_kept = match key {
                b"Kids" => true,
                b"V" | b"AP" | b"AS" | b"I" | b"RV" | b"M" => {
                    if !self.identical(before, after)? {
                        changed.push(key);
                    }
                    true
                }
                // A signature that locks fields may make them read-only, too.
                b"Ff" => {
                    let flags = |value: Option<&Object<'_>>| value.map_or(Some(0), Object::as_integer);
                    match (flags(before), flags(after)) {
                        (Some(before), Some(after)) => after == before || after == before | READ_ONLY,
                        _ => self.equal.same(before, after)?,
                    }
                }
                _ => self.equal.same(before, after)?,
            };
            if !is_kept {
                return refused("a form field was changed");
            }
        }
        self.filled_in(&mut here, old, new, &changed)?;
        self.kids(old, new, &here)
    }

    fn kids(&mut self, old: &Dict<'r>, new: &Dict<'r>, here: &Above) -> Outcome {
        let before = self.reader.resolve_array(self.old, old.get(b"Kids"))?;
        let after = self.reader.resolve_array(0, new.get(b"Kids"))?;
        if before.len() != after.len() {
            return refused("the parts of a form field were changed");
        }
        for (old, new) in before.iter().zip(&after) {
            match (old, new) {
                (Object::Ref(old), Object::Ref(new)) if old == new => self.field(*old, here)?,
                _ => return refused("the parts of a form field were changed"),
            }
        }
        Ok(())
    }

    fn filled_in(&mut self, here: &mut Above, old: &Dict<'r>, new: &Dict<'r>, changed: &[&[u8]]) -> Outcome {
        if changed.is_empty() {
            return Ok(());
        }
        // Only what means something to this kind of field: the same dictionary could be used as another thing.
        let may_change: &[&[u8]] = match here.kind.as_slice() {
            b"Sig" => &[b"V", b"AP", b"M"],
            b"Tx" => &[b"V", b"AP", b"RV", b"M"],
            b"Ch" => &[b"V", b"AP", b"I", b"M"],
            b"Btn" => &[b"V", b"AS", b"M"],
            _ => &[],
        };
        // As a field has them: `/AS` of layers is a list, `/I` of a group a truth value.
        let is_of_field = |dict: &Dict<'_>| {
            dict.get(b"AS").is_none_or(|state| state.as_name().is_some())
                && dict.get(b"I").is_none_or(|chosen| chosen.as_array().is_some())
        };
        if !is_of_field(old) || !is_of_field(new) || !changed.iter().all(|key| may_change.contains(key)) {
            return refused("a form field was changed");
        }
        if here.kind == b"Sig" {
            if changed.contains(&b"V".as_slice()) {
                return self.signed(here, old, new);
            }
            return if here.is_signed_now {
                Ok(())
            } else {
                refused("the appearance of a signature was changed")
            };
        }
        let is_fixed = here.flags & READ_ONLY != 0 || here.kind == b"Btn" && here.flags & PUSH_BUTTON != 0;
        if is_fixed || !self.permissions.allows_filling_in(&here.name) {
            return refused("a form field was filled in that is locked, or was not left open");
        }
        self.classes.insert("form_fill");
        Ok(())
    }

    /// An empty signature field got its value.
    fn signed(&mut self, here: &mut Above, old: &Dict<'r>, new: &Dict<'r>) -> Outcome {
        if old.get(b"V").is_some() {
            return refused("a signature was replaced or removed");
        }
        if self.permissions.locks(&here.name) {
            return refused("a signature field was signed that is locked");
        }
        let value = self.new_value(new)?;
        self.permit(value)?;
        here.is_signed_now = true;
        Ok(())
    }

    /// A signature field that was added.
    fn added_field(&mut self, field: &Object<'_>) -> Outcome {
        let Object::Ref(id) = field else { return refused("a form field was added") };
        let loaded = self.reader.load(0, *id)?;
        let Some(dict) = loaded.as_dict().filter(|dict| dict.has_name(b"FT", b"Sig")) else {
            return refused("a form field was added");
        };
        if !self.is_new(*id)? || !self.equal.set_apart(*id) {
            return refused("a form field was added that was prepared before");
        }
        if !dict.iter().all(|(key, _)| ADDED_FIELD.contains(&key)) {
            return refused("a form field was added that is more than a signature");
        }
        let name = self.reader.resolve(0, dict.get(b"T"))?.as_text().map(|name| name.to_text());
        if !name.is_some_and(|name| !name.contains('.') && self.names.insert(name)) {
            return refused("a form field was added under the name of another");
        }
        let value = self.new_value(dict)?;
        let is_visible = self.is_visible(dict)?;
        // It would cover what was certified, or what was signed, without being a signature.
        if is_visible && (self.permissions.level.is_some() || value != NewValue::Signature) {
            return refused("a visible form field was added");
        }
        self.permit(value)?;
        self.new_fields.insert(id.number);
        Ok(())
    }

    fn permit(&mut self, value: NewValue) -> Outcome {
        if self.permissions.level == Some(1) && value != NewValue::Timestamp {
            return refused("a signature was added to a document that is closed");
        }
        self.classes.insert(if value == NewValue::Timestamp { "timestamp" } else { "signature" });
        Ok(())
    }

    /// The value of a signature field: new like the field, so that no old signature is passed off as it.
    fn new_value(&self, field: &Dict<'r>) -> Outcome<NewValue> {
        let Some(value) = field.get(b"V") else { return Ok(NewValue::None) };
        if let Object::Ref(id) = value
            && !self.is_new(*id)?
        {
            return refused("a signature was added that was prepared before");
        }
        let value = self.reader.resolve(0, Some(value))?;
        match value.as_dict().filter(|value| says_to_be_a_signature(value)) {
            Some(value) if value.has_name(b"Type", b"DocTimeStamp") => Ok(NewValue::Timestamp),
            Some(_) => Ok(NewValue::Signature),
            None => refused("a signature field got a value that is no signature"),
        }
    }

    /// Whether the widget of a field may show anything. Flags that hide it do not count: some are for the screen and not
    /// for paper, and an action of the document may take them away.
    fn is_visible(&self, widget: &Dict<'r>) -> Outcome<bool> {
        let is_empty =
            [b"AP".as_slice(), b"MK", b"BS", b"Border"].iter().all(|key| widget.get(key).is_none());
        if is_empty {
            return Ok(false);
        }
        let rectangle = self.reader.resolve_array(0, widget.get(b"Rect"))?;
        let sides: Vec<f64> = rectangle.iter().filter_map(Object::as_number).collect();
        Ok(match *sides.as_slice() {
            [left, bottom, right, top] => (right - left).abs() > 0.0 && (top - bottom).abs() > 0.0,
            _ => true,
        })
    }
}

/// Keys of an added signature field and its widget: nothing that acts, no parts.
const ADDED_FIELD: &[&[u8]] = &[
    b"Type", b"Subtype", b"FT", b"T", b"TU", b"TM", b"Ff", b"V", b"Lock", b"SV", b"Rect", b"F", b"P", b"AP",
    b"AS", b"MK", b"DA", b"DR", b"BS", b"Border", b"NM", b"M", b"Q",
];
