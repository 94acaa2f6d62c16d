//! `archive-time-stamp-v3` (EN 319 122-1 5.5.3) and its `ats-hash-index` (5.5.2; the first form of TS 101 733
//! 6.4.2 is read too): what such a time-stamp covers. An index that names a digest of nothing that is there covers
//! nothing: something was taken away. What came later and is not in the index is not covered and does no harm.
//!
//! Not read: `ats-hash-index-v2`, whose input two editions define differently.

use std::borrow::Cow;
use std::collections::BTreeSet;

use musubi_crypto::{Digest, DigestAlgorithm};
use musubi_pki::asn1::{self, Elements, Malformed};

use super::ber::{Node, Work};
use super::oid;
use super::signed_data::SignedData;
use super::signer_info::{SignerInfo, unsigned_values};
use super::time_stamps::Stamped;
use crate::model::Covered;
use crate::timestamp::Token;

/// Entries of one list of an index.
const MAX_ENTRIES: usize = 1_000;

/// The bytes whose digest the imprint of `token` must be, and the positions of the unsigned attribute values that its
/// index names.
pub(super) fn covered<'a>(
    token: Node<'a>,
    stamped: &Stamped<'_, 'a>,
    work: &Work,
) -> (Covered<'a>, Vec<usize>) {
    match parts(token, stamped, work) {
        Ok((parts, named)) => (Covered::Parts(parts), named),
        Err(why) => (Covered::Unusable(why), Vec::new()),
    }
}

fn parts<'a>(
    token: Node<'a>,
    stamped: &Stamped<'_, 'a>,
    work: &Work,
) -> Result<(Vec<Cow<'a, [u8]>>, Vec<usize>), &'static str> {
    let unreadable = "the time-stamp cannot be read";
    let imprint = Token::parse(token.raw).map_err(|_| unreadable)?.info.imprint.algorithm();
    let inner = SignedData::parse(token.raw, work).map_err(|_| unreadable)?;
    let stamper = inner.signers.first().ok_or(unreadable)?;
    let stamper = SignerInfo::parse(*stamper, work).map_err(|_| unreadable)?;
    let values = stamper.unsigned_attributes.map(|a| unsigned_values(a, work)).transpose();
    let values = values.map_err(|_| unreadable)?.unwrap_or_default();
    let mut indexes = values.iter().filter(|v| v.id == oid::ATS_HASH_INDEX || v.id == oid::ATS_HASH_INDEX_V3);
    let (Some(index), None) = (indexes.next(), indexes.next()) else {
        return Err("not exactly one ats-hash-index");
    };
    let form = if index.id == oid::ATS_HASH_INDEX { Form::First } else { Form::Third };
    let read = Index::parse(index.value.raw, form).map_err(|Malformed| "the ats-hash-index is malformed")?;
    // 5.5.2: the index is made with the digest of the imprint.
    if read.algorithm != Some(imprint) {
        return Err("the ats-hash-index has another digest algorithm");
    }
    let digest = |parts: &[&[u8]]| imprint.digest(parts);
    let certificates = stamped.data.certificates.iter().map(|c| digest(&[c.raw]));
    let revocation = stamped.data.revocation.iter().map(|c| digest(&[c.raw]));
    // For each value; in the first form the whole attribute's stands with its first value.
    let attributes: Vec<Option<Digest>> = stamped
        .unsigned
        .iter()
        .map(|v| match form {
            Form::First => v.attribute.map(|attribute| digest(&[attribute])),
            // The concatenation of attrType and one attrValues instance.
            Form::Third => Some(digest(&[v.type_raw, v.value.raw])),
        })
        .collect();
    if !are_there(&read.certificates, certificates)
        || !are_there(&read.revocation, revocation)
        || !are_there(&read.attributes, attributes.iter().flatten().cloned())
    {
        return Err("the ats-hash-index names something that is not there");
    }
    let named = positions(&read.attributes, &attributes);
    let parts = vec![
        Cow::Borrowed(stamped.data.content_type_raw),
        Cow::Owned(stamped.content.digest(imprint).as_ref().to_vec()),
        Cow::Borrowed(stamped.signer.protected_fields),
        Cow::Borrowed(index.value.raw),
    ];
    Ok((parts, named))
}

/// Where the values stand that an index names; a further value of an attribute goes with the first one.
fn positions(entries: &[&[u8]], there: &[Option<Digest>]) -> Vec<usize> {
    let entries: BTreeSet<&[u8]> = entries.iter().copied().collect();
    let mut is_named = false;
    let mut named = Vec::new();
    for (position, digest) in there.iter().enumerate() {
        is_named = digest.as_ref().map_or(is_named, |digest| entries.contains(digest.as_ref()));
        if is_named {
            named.push(position);
        }
    }
    named
}

/// Whether every entry of an index is the digest of something that is there.
fn are_there(entries: &[&[u8]], there: impl Iterator<Item = Digest>) -> bool {
    let there: Vec<Digest> = there.collect();
    let there: BTreeSet<&[u8]> = there.iter().map(AsRef::as_ref).collect();
    entries.iter().all(|entry| there.contains(entry))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    First,
    Third,
}

/// An `ATSHashIndex`.
struct Index<'a> {
    /// `None` if it is not in the table.
    algorithm: Option<DigestAlgorithm>,
    certificates: Vec<&'a [u8]>,
    revocation: Vec<&'a [u8]>,
    attributes: Vec<&'a [u8]>,
}

impl<'a> Index<'a> {
    fn parse(raw: &'a [u8], form: Form) -> Result<Self, Malformed> {
        asn1::whole(raw, |outer| {
            outer.inside(der::Tag::Sequence, |parts| {
                let (first, first_list) = (parts.element(der::Tag::Sequence)?, form == Form::First);
                // In the first form the algorithm is DEFAULT SHA-256: then the first element is a list.
                let algorithm = match asn1::whole(first.raw, Elements::algorithm) {
                    Ok(algorithm) => Ok(algorithm),
                    Err(Malformed) if first_list => Err(first.value),
                    Err(Malformed) => return Err(Malformed),
                };
                let (algorithm, certificates) = match algorithm {
                    Ok(algorithm) => (algorithm.digest()?.ok(), parts.inside(der::Tag::Sequence, entries)?),
                    Err(list) => (Some(DigestAlgorithm::Sha256), asn1::whole(list, entries)?),
                };
                let revocation = parts.inside(der::Tag::Sequence, entries)?;
                let attributes = parts.inside(der::Tag::Sequence, entries)?;
                Ok(Self { algorithm, certificates, revocation, attributes })
            })
        })
    }
}

fn entries<'a>(list: &mut Elements<'a>) -> Result<Vec<&'a [u8]>, Malformed> {
    let mut out = Vec::new();
    list.each(|list| {
        out.push(list.element(der::Tag::OctetString)?.value);
        if out.len() > MAX_ENTRIES { Err(Malformed) } else { Ok(()) }
    })?;
    Ok(out)
}
