//! What a format may find in a file of a given size: counts, not clocks.

use std::borrow::Cow;

use musubi_signature::{Found, NotASignature, Signed};

use super::document::CONTENT;

type Find = for<'a> fn(&'a [u8], Option<&'a [u8]>) -> Result<Vec<Found<'a>>, NotASignature>;

/// Finds, without and with content beside it, and holds what is found to its bounds.
pub(super) fn find(format: Find, input: &[u8]) {
    for detached in [None, Some(CONTENT)] {
        if let Ok(found) = format(input, detached) {
            hold(&found, input.len());
        }
    }
}

/// Whatever is copied out of the file is of the file's size for each signature.
fn hold(found: &[Found<'_>], size: usize) {
    assert!(found.len() <= 1_024, "{} signatures", found.len());
    let mut copied = 0;
    for one in found {
        assert!(one.rules.len() <= 512, "{} rules", one.rules.len());
        assert!(one.location.len() <= 4_096, "a location of {} octets", one.location.len());
        assert!(one.timestamps.len() <= 128, "{} time-stamps", one.timestamps.len());
        let lists = [&one.certificates, &one.crls, &one.ocsp];
        copied += lists.into_iter().flatten().map(own).sum::<usize>();
        copied += own(&one.value.signature);
        if let Signed::Bytes(bytes) = &one.value.signed {
            copied += own(bytes);
        }
    }
    assert!(copied <= 64 * size + (1 << 20), "{copied} octets copied of {size}");
}

#[allow(clippy::ptr_arg, reason = "whether it is a copy is the question")]
fn own(bytes: &Cow<'_, [u8]>) -> usize {
    match bytes {
        Cow::Borrowed(_) => 0,
        Cow::Owned(bytes) => bytes.len(),
    }
}
