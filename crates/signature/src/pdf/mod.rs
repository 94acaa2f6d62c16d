//! PDF signatures (ISO 32000-2 12.8), PAdES (EN 319 142-1) and document time-stamps: every signature of a document as
//! a [`Found`], with what the format demands. The CMS inside is read by [`cms`](crate::cms); values, certificates and
//! times are judged by the process.
//!
//! What is refused stands at the head of each module:
//!
//! - `lexer`, `objects`, `filters`: text that readers read differently;
//! - `xref`, `revisions`, `reader`: files whose cross-reference chain is not exactly right. Nothing is repaired;
//! - `form`, `sweep`, `signatures`: signatures that a viewer does not show, or shows as another kind;
//! - `coverage`: signatures that do not cover a whole revision (signature wrapping);
//! - `permissions`, `changes`: what later revisions changed beyond what the signatures allow (incremental saving,
//!   shadow and certification attacks).
//!
//! As a whole ([`NotASignature`]): encrypted files, files that are no PDF or are damaged, no signature at all, more
//! than 64 signatures, 256 revisions, 2^20 objects, 2^18 items in one object, 32 readings of every byte.
//!
//! Not judged: what a page looks like; signatures in attachments; usage rights (`/Perms /UR3`), whose dictionary is
//! reported as a signature that no field names.

mod changes;
mod coverage;
mod dates;
mod dss;
mod filters;
mod form;
mod kept;
mod lexer;
mod objects;
mod permissions;
mod reader;
mod revisions;
mod signatures;
mod sweep;
mod xref;

use crate::model::{Found, NotASignature};

/// Every signature and document time-stamp of a PDF. The content stands in the file: `detached` must be absent.
///
/// # Errors
/// [`NotASignature`].
pub fn find<'a>(file: &'a [u8], detached: Option<&'a [u8]>) -> Result<Vec<Found<'a>>, NotASignature> {
    if detached.is_some() {
        return Err(NotASignature::Malformed("a PDF holds what is signed; nothing is given beside it"));
    }
    signatures::find(file)
}
