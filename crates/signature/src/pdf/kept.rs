//! A signature that was found in decoded bytes, kept beyond them: what it borrows from the file goes on being
//! borrowed from there (a content time-stamp covers all of a large file), the rest is copied.

use std::borrow::Cow;

use crate::model::Found;

/// The same, borrowing from `file` alone.
pub(super) fn in_file<'a>(found: Found<'_>, file: &'a [u8]) -> Found<'a> {
    found.with_bytes(|bytes| keep(bytes, file))
}

fn keep<'a>(bytes: Cow<'_, [u8]>, file: &'a [u8]) -> Cow<'a, [u8]> {
    if let Cow::Borrowed(slice) = &bytes {
        let offset = slice.as_ptr().addr().wrapping_sub(file.as_ptr().addr());
        let same = offset.checked_add(slice.len()).and_then(|end| file.get(offset..end));
        if let Some(same) = same {
            return Cow::Borrowed(same);
        }
    }
    Cow::Owned(bytes.into_owned())
}
