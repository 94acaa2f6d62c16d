//! What the signatures of a document allow to be changed after them: certification (`DocMDP`, ISO 32000-2 12.8.2.2) and
//! locked fields (`FieldMDP`, 12.8.2.4).
//!
//! Where no signature says anything, nothing may be filled in: who signs a form has signed what stands in it. Further
//! signatures and long-term data are always additions, not changes (12.8.2.2.2), but for a certification at level 1,
//! which leaves only the latter.

use super::lexer::{Result, malformed};
use super::objects::{Dict, Object};
use super::reader::{Reader, State};

/// What may follow a signature.
#[derive(Debug, Clone, Default)]
pub(super) struct Permissions {
    /// The strictest level of certification: 1 nothing, 2 forms, 3 forms and annotations.
    pub(super) level: Option<u8>,
    /// Which fields the signature locks; if it says so, the others may be filled in.
    pub(super) lock: Option<FieldLock>,
}

impl Permissions {
    /// Takes a level into account. One that does not exist is the strictest.
    pub(super) fn certified(&mut self, level: i64) {
        let level = match level {
            2 => 2,
            3 => 3,
            _ => 1,
        };
        self.level = Some(self.level.map_or(level, |here| here.min(level)));
    }

    /// Whether the field of this name may get another value.
    pub(super) fn allows_filling_in(&self, name: &str) -> bool {
        let is_open =
            self.level.is_some_and(|level| level >= 2) || (self.level.is_none() && self.lock.is_some());
        is_open && !self.locks(name)
    }

    /// Whether the field of this name is locked.
    pub(super) fn locks(&self, name: &str) -> bool {
        self.lock.as_ref().is_some_and(|lock| lock.covers(name))
    }
}

/// Fields that are locked.
#[derive(Debug, Clone)]
pub(super) enum FieldLock {
    All,
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl FieldLock {
    /// A name in the list stands for all fields below it, too.
    fn covers(&self, name: &str) -> bool {
        let listed = |list: &[String]| {
            list.iter().any(|item| {
                name.strip_prefix(item.as_str()).is_some_and(|r| r.is_empty() || r.starts_with('.'))
            })
        };
        match self {
            Self::All => true,
            Self::Only(list) => listed(list),
            Self::AllBut(list) => !listed(list),
        }
    }
}

/// The level of certification of a signature (table 257); `None` if it is none.
pub(super) fn certification<'r>(
    reader: &'r Reader<'_>,
    state: State,
    signature: &Dict<'r>,
) -> Result<Option<i64>> {
    let parameters = parameters(reader, state, signature, b"DocMDP")?;
    parameters
        .map(|dict| match reader.resolve(state, dict.get(b"P"))? {
            Object::Null => Ok(2),
            other => Ok(other.as_integer().unwrap_or(1)),
        })
        .transpose()
}

/// The fields that a signature locks (table 259).
pub(super) fn field_lock<'r>(
    reader: &'r Reader<'_>,
    state: State,
    signature: &Dict<'r>,
) -> Result<Option<FieldLock>> {
    let Some(dict) = parameters(reader, state, signature, b"FieldMDP")? else { return Ok(None) };
    let mut names = Vec::new();
    for item in reader.resolve_array(state, dict.get(b"Fields"))? {
        match reader.resolve(state, Some(&item))?.as_text() {
            Some(text) => names.push(text.to_text()),
            None => return malformed("the names of locked fields"),
        }
    }
    Ok(Some(match dict.name(b"Action") {
        Some(b"Include") => FieldLock::Only(names),
        Some(b"Exclude") => FieldLock::AllBut(names),
        _ => FieldLock::All,
    }))
}

/// The parameters of a transform method in the signature's references (12.8.2).
fn parameters<'r>(
    reader: &'r Reader<'_>,
    state: State,
    signature: &Dict<'r>,
    method: &[u8],
) -> Result<Option<Dict<'r>>> {
    for item in reader.resolve_array(state, signature.get(b"Reference"))? {
        let Object::Dict(reference) = reader.resolve(state, Some(&item))? else { continue };
        if !reference.has_name(b"TransformMethod", method) {
            continue;
        }
        return match reader.resolve(state, reference.get(b"TransformParams"))? {
            Object::Dict(parameters) => Ok(Some(parameters)),
            Object::Null => Ok(Some(Dict::default())),
            _ => malformed("the parameters of a signature reference"),
        };
    }
    Ok(None)
}
