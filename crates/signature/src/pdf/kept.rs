//! A signature that was found in decoded bytes, kept beyond them: what it borrows from the file goes on being
//! borrowed from there (a content time-stamp covers all of a large file), the rest is copied.

use std::borrow::Cow;

use crate::model::{Covered, Found, FoundTimestamp, Signed, Signer, Value};

/// The same, borrowing from `file` alone.
pub(super) fn in_file<'a>(found: Found<'_>, file: &'a [u8]) -> Found<'a> {
    let one = |bytes: Cow<'_, [u8]>| keep(bytes, file);
    let all = |list: Vec<Cow<'_, [u8]>>| list.into_iter().map(one).collect();
    let stamp = |stamp: FoundTimestamp<'_>| FoundTimestamp {
        kind: stamp.kind,
        location: stamp.location,
        token: one(stamp.token),
        covered: match stamp.covered {
            Covered::Parts(parts) => Covered::Parts(all(parts)),
            Covered::Unusable(why) => Covered::Unusable(why),
        },
        covers: stamp.covers,
    };
    Found {
        role: found.role,
        format: found.format,
        location: found.location,
        level: found.level,
        signer: match found.signer {
            Signer::Certificate(der) => Signer::Certificate(one(der)),
            Signer::NotFound => Signer::NotFound,
        },
        certificates: all(found.certificates),
        crls: all(found.crls),
        ocsp: all(found.ocsp),
        value: Value {
            algorithm: found.value.algorithm,
            encoding: found.value.encoding,
            signed: match found.value.signed {
                Signed::Bytes(bytes) => Signed::Bytes(one(bytes)),
                Signed::Digest(digest) => Signed::Digest(digest),
                Signed::BareDigest(digest) => Signed::BareDigest(digest),
            },
            signature: one(found.value.signature),
        },
        digests: found.digests,
        rules: found.rules,
        claimed_signing_time: found.claimed_signing_time,
        timestamps: found.timestamps.into_iter().map(stamp).collect(),
        extent: found.extent,
    }
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
