//! What the signatures of a document allow to be changed after them: certification (`DocMDP`, ISO 32000-2 12.8.2.2) and
//! locked fields (`FieldMDP`, 12.8.2.4).
//!
//! Where no signature says anything, nothing may be filled in: who signs a form has signed what stands in it. Further
//! signatures and long-term data are always additions, not changes (12.8.2.2.2), but for a certification at level 1,
//! which leaves only the latter.

use super::lexer::{Result, malformed};
use super::objects::{Dict, Object};
use super::reader::{Reader, State};

/// The level that allows nothing.
pub(super) const CLOSED: i64 = 1;

/// What may follow a signature.
#[derive(Debug, Clone, Default)]
pub(super) struct Permissions {
    /// The strictest level of certification: 1 nothing, 2 forms, 3 forms and annotations.
    pub(super) level: Option<u8>,
    /// Which fields the signature locks; if it says so, the others may be filled in.
    pub(super) lock: Option<FieldLock>,
}

impl Permissions {
    /// Takes a level into account, if there is one. One that does not exist is the strictest.
    pub(super) fn certified(&mut self, level: Option<i64>) {
        let level = match level {
            None => return,
            Some(2) => 2,
            Some(3) => 3,
            Some(_) => 1,
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
            other => Ok(other.as_integer().unwrap_or(CLOSED)),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_lock_stands_for_what_is_below_it_and_not_for_its_beginning() {
        let only = FieldLock::Only(vec!["a.b".to_owned()]);
        let names = ["a", "a.b", "a.b.c", "a.bc"];
        assert_eq!(names.map(|name| only.covers(name)), [false, true, true, false]);
        let all_but = FieldLock::AllBut(vec!["a.b".to_owned()]);
        assert_eq!(names.map(|name| all_but.covers(name)), [true, false, false, true]);
        assert!(FieldLock::All.covers("a"));
    }

    #[test]
    fn the_strictest_level_holds_and_an_unknown_one_is_the_strictest() {
        let level = |levels: &[Option<i64>]| {
            let mut permissions = Permissions::default();
            levels.iter().for_each(|level| permissions.certified(*level));
            permissions.level
        };
        assert_eq!(level(&[None]), None);
        assert_eq!(level(&[Some(3), None, Some(2), Some(3)]), Some(2));
        assert_eq!(
            (level(&[Some(3), Some(0)]), level(&[Some(4)]), level(&[Some(-1)])),
            (Some(1), Some(1), Some(1))
        );
    }

    #[test]
    fn without_a_word_about_forms_nothing_is_filled_in() {
        let mut permissions = Permissions::default();
        assert!(!permissions.allows_filling_in("a"));
        permissions.lock = Some(FieldLock::Only(vec!["b".to_owned()]));
        assert!(permissions.allows_filling_in("a") && !permissions.allows_filling_in("b"));
        permissions.certified(Some(1));
        assert!(!permissions.allows_filling_in("a"));
    }
}
