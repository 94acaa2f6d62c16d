//! Signature dictionaries wherever they stand (GHSA-g258-q5gf-7hvx: a verifier that follows the form alone, or takes
//! the first one, does not see the rest). Every object that is in use is looked through, compressed ones too.
//!
//! Objects that a later revision replaced or freed are not: a signature that covered them says that they changed.

use super::form::says_to_be_a_signature;
use super::lexer::Result;
use super::objects::{Dict, Id, Object};
use super::reader::Reader;
use crate::NotASignature;

/// Every signature dictionary, and the object that it stands in; at most `limit`.
pub(super) fn signature_dictionaries<'r>(
    reader: &'r Reader<'_>,
    limit: usize,
) -> Result<Vec<(Id, Dict<'r>)>> {
    let mut found = Vec::new();
    for id in reader.numbers() {
        let object = reader.load(0, id)?;
        let mut count = found.len();
        look_through(&object, &mut |dict| {
            count += 1;
            if count <= limit {
                found.push((id, dict.clone()));
            }
        });
        if count > limit {
            return Err(NotASignature::TooMuch { what: "signatures of a PDF", limit });
        }
    }
    Ok(found)
}

fn look_through<'r>(object: &Object<'r>, found: &mut impl FnMut(&Dict<'r>)) {
    match object {
        Object::Array(items) => items.iter().for_each(|item| look_through(item, found)),
        Object::Dict(dict) | Object::Stream(dict, _) => {
            if says_to_be_a_signature(dict) {
                found(dict);
            }
            dict.iter().for_each(|(_, value)| look_through(value, found));
        }
        _ => {}
    }
}
