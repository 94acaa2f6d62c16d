//! What changed after a signature (ISO 32000-2 12.8.2.2.2): the revision that it covers is compared with the file as it
//! is, by what a reader reaches from the trailer, object by object.
//!
//! Everything that is reached must be the same, whatever stands in between, except in these places, each with its own
//! rule and its class in the evidence:
//!
//! - `ltv`: the document security store;
//! - `timestamp`, `signature`: new signature fields and values of empty ones;
//! - `form_fill`: values and appearances of fields, where [`permissions`](super::permissions) allow them;
//! - `annotation`: additions under a certification of level 3, only of kinds that cover nothing;
//! - `metadata`: XMP, and the date and producer of the last change.
//!
//! So an object that was prepared before signing and comes into use later is a change of what refers to it, and an
//! object that is replaced is a change wherever it is reached: a page's content that is also called an appearance
//! or a certificate is still compared as the page's content (shadow attacks, Mainka et al., NDSS 2021). What nothing
//! reaches changes nothing.
//!
//! Refused besides: bytes in a later revision, or behind the last, that are none of its objects. A viewer that
//! repairs could take them for objects (incremental saving attacks, CCS 2019).
//!
//! Refused although other verifiers allow it: deleted annotations and annotations with an appearance of their own
//! at level 3, visible new fields in certified documents (evil annotation and sneaky signature attacks, Mladenov
//! et al., IEEE S&P 2021), changed resources of the form, changed structure trees.

mod body;
mod equal;
mod fields;

use std::collections::BTreeSet;

use musubi_pki::{CheckResult, ReasonCode, SubIndication};

use super::coverage::Coverage;
use super::objects::{Dict, Id, Object};
use super::permissions::Permissions;
use super::reader::{Reader, State};
use crate::cms::rules::{Rule, broken, kept};
use crate::model::NotASignature;
use equal::Equal;

pub(super) use body::has_bytes_behind;

const ID: &str = "pdf.changes_after_signing";
const CITATION: &str = "ISO 32000-2 12.8.2.2.2; EN 319 142-1 5.1";

/// Why a change is refused.
enum Refused {
    Because(&'static str),
    Unreadable(NotASignature),
}

impl From<NotASignature> for Refused {
    fn from(error: NotASignature) -> Self {
        Self::Unreadable(error)
    }
}

type Outcome<T = ()> = core::result::Result<T, Refused>;

fn refused<T>(why: &'static str) -> Outcome<T> {
    Err(Refused::Because(why))
}

/// The rule that nothing was changed after signing but what may be.
pub(super) fn since(reader: &Reader<'_>, coverage: &Coverage<'_>, permissions: Permissions) -> Rule {
    let mut comparison = Comparison {
        reader,
        old: coverage.state,
        permissions,
        equal: Equal::new(reader, coverage.state),
        new_fields: BTreeSet::new(),
        names: BTreeSet::new(),
        classes: BTreeSet::new(),
    };
    match comparison.run() {
        Ok(()) => {
            let classes: Vec<&str> = comparison.classes.into_iter().collect();
            let changes = if classes.is_empty() { "none".to_owned() } else { classes.join(", ") };
            kept(CheckResult::passed(ID, CITATION).with("changes", changes))
        }
        Err(Refused::Unreadable(NotASignature::TooMuch { what, .. })) => broken(
            CheckResult::failed(ID, CITATION).with("problem", what),
            (SubIndication::SigConstraintsFailure, ReasonCode::TooComplex),
        ),
        Err(Refused::Because(why) | Refused::Unreadable(NotASignature::Malformed(why))) => changed(why),
        Err(Refused::Unreadable(_)) => changed("unreadable"),
    }
}

fn changed(why: &'static str) -> Rule {
    broken(
        CheckResult::failed(ID, CITATION).with("problem", why),
        (SubIndication::SigConstraintsFailure, ReasonCode::DocumentChanged),
    )
}

struct Comparison<'r, 'a> {
    reader: &'r Reader<'a>,
    old: State,
    permissions: Permissions,
    equal: Equal<'r, 'a>,
    /// Signature fields that were added and may be there; their widgets go onto pages.
    new_fields: BTreeSet<u32>,
    /// Names of the fields at the top of the form.
    names: BTreeSet<String>,
    classes: BTreeSet<&'static str>,
}

impl<'r> Comparison<'r, '_> {
    fn run(&mut self) -> Outcome {
        if has_bytes_behind(self.reader) {
            return refused("bytes behind the last revision");
        }
        if self.old == 0 {
            return Ok(());
        }
        body::check(self.reader, self.old)?;
        let (old, new) = (self.reader.trailer(self.old)?, self.reader.trailer(0)?);
        let (Some(Object::Ref(root)), Some(Object::Ref(root_now))) = (old.get(b"Root"), new.get(b"Root"))
        else {
            return refused("another document catalog");
        };
        if root != root_now {
            return refused("another document catalog");
        }
        self.equal.set_apart(*root);
        self.information(old.get(b"Info"), new.get(b"Info"))?;
        self.catalog(&self.reader.catalog(self.old)?, &self.reader.catalog(0)?)?;
        while let Some(page) = self.equal.next_page()? {
            self.page(page)?;
        }
        Ok(())
    }

    fn catalog(&mut self, old: &Dict<'r>, new: &Dict<'r>) -> Outcome {
        self.form(old.get(b"AcroForm"), new.get(b"AcroForm"))?;
        for key in keys(old, new) {
            let (old, new) = (old.get(key), new.get(key));
            match key {
                b"AcroForm" => {}
                b"DSS" => {
                    if !self.identical(old, new)? {
                        self.classes.insert("ltv");
                    }
                }
                // Names the makers of extensions; nothing is shown by it (7.12).
                b"Extensions" => {}
                b"Version" => {
                    if new.is_some_and(|version| version.as_name().is_none()) {
                        return refused("the version of the document");
                    }
                }
                b"Metadata" => self.metadata(old, new)?,
                _ => {
                    if !self.equal.same(old, new)? {
                        return refused("the document catalog was changed");
                    }
                }
            }
        }
        Ok(())
    }

    fn metadata(&mut self, old: Option<&Object<'r>>, new: Option<&Object<'r>>) -> Outcome {
        if self.identical(old, new)? {
            return Ok(());
        }
        match self.reader.resolve(0, new)? {
            Object::Stream(dict, _) if dict.has_name(b"Type", b"Metadata") => {
                self.classes.insert("metadata");
                Ok(())
            }
            _ => refused("the metadata were replaced"),
        }
    }

    /// The information dictionary (14.3.3): date and producer of the last change, nothing else.
    fn information(&mut self, old: Option<&Object<'r>>, new: Option<&Object<'r>>) -> Outcome {
        if self.identical(old, new)? {
            return Ok(());
        }
        let (old, new) = (self.reader.resolve(self.old, old)?, self.reader.resolve(0, new)?);
        let empty = Dict::default();
        let (old, Some(new)) = (old.as_dict().unwrap_or(&empty), new.as_dict()) else {
            return refused("the information about the document was changed");
        };
        for key in keys(old, new) {
            let may_change = matches!(key, b"ModDate" | b"Producer");
            if !may_change && !self.equal.same(old.get(key), new.get(key))? {
                return refused("the information about the document was changed");
            }
        }
        self.classes.insert("metadata");
        Ok(())
    }

    /// A page: all of it must be the same but that annotations may have been added.
    fn page(&mut self, id: Id) -> Outcome {
        let (old, new) = (self.reader.load(self.old, id)?, self.reader.load(0, id)?);
        let (Some(old), Some(new)) = (old.as_dict(), new.as_dict()) else {
            return refused("a page was changed");
        };
        for key in keys(old, new) {
            if key != b"Annots" && !self.equal.same(old.get(key), new.get(key))? {
                return refused("a page was changed");
            }
        }
        let before = self.reader.resolve_array(self.old, old.get(b"Annots"))?;
        let after = self.reader.resolve_array(0, new.get(b"Annots"))?;
        let (Some(retained), Some(added)) = (after.get(..before.len()), after.get(before.len()..)) else {
            return refused("an annotation was deleted");
        };
        for (old, new) in before.iter().zip(retained) {
            if !self.equal.same(Some(old), Some(new))? {
                return refused("an annotation was changed");
            }
        }
        added.iter().try_for_each(|annotation| self.annotation(annotation))
    }

    /// An annotation that was added.
    fn annotation(&mut self, annotation: &Object<'_>) -> Outcome {
        let Object::Ref(id) = annotation else { return refused("an annotation was added") };
        if self.new_fields.contains(&id.number) {
            return Ok(());
        }
        if self.permissions.level != Some(3) || !self.is_new(*id)? {
            return refused("an annotation was added");
        }
        let annotation = self.reader.load(0, *id)?;
        let Some(dict) = annotation.as_dict() else { return refused("an annotation was added") };
        let covers_nothing = matches!(
            dict.name(b"Subtype"),
            Some(b"Text" | b"Popup" | b"Highlight" | b"Underline" | b"Squiggly" | b"StrikeOut")
        );
        // No appearance, no action, no optional content: a viewer draws its own mark, and nothing else happens.
        let is_plain = dict.iter().all(|(key, _)| PLAIN_ANNOTATION.contains(&key));
        if !covers_nothing || !is_plain {
            return refused("an annotation was added that may cover something");
        }
        self.classes.insert("annotation");
        Ok(())
    }

    /// Whether there was no such object when it was signed.
    fn is_new(&self, id: Id) -> Outcome<bool> {
        Ok(matches!(self.reader.load(self.old, id)?, Object::Null))
    }

    /// Whether two values are the same with all that they refer to. What that is, is then compared already.
    fn identical(&mut self, old: Option<&Object<'r>>, new: Option<&Object<'r>>) -> Outcome<bool> {
        self.equal.identical(old, new)
    }
}

/// Keys of an added annotation.
const PLAIN_ANNOTATION: &[&[u8]] = &[
    b"Type",
    b"Subtype",
    b"Rect",
    b"Contents",
    b"P",
    b"NM",
    b"M",
    b"F",
    b"C",
    b"CA",
    b"T",
    b"Popup",
    b"Parent",
    b"CreationDate",
    b"RC",
    b"Subj",
    b"QuadPoints",
    b"Name",
    b"Open",
    b"State",
    b"StateModel",
    b"IRT",
    b"RT",
    b"Border",
];

/// The keys of both, each once.
fn keys<'k>(old: &'k Dict<'_>, new: &'k Dict<'_>) -> BTreeSet<&'k [u8]> {
    old.iter().chain(new.iter()).map(|(key, _)| key).collect()
}
