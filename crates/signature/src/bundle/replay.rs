//! The replay: signature, audit log, lists, judgement, comparison, in this order.

use musubi_crypto::merkle::{leaf_hash, verify_inclusion};
use musubi_crypto::verify_ed25519;
use musubi_pki::{ListCommitment, MAX_LIST_BYTES, TrustAnchors, Verdict, VerifiedRevocationList};
use serde_json::Value;

use super::Difference;
use super::canonical::{evidence_mark, is_canonical, verdict_sha256};
use super::content::Content;
use super::sealed::{AuditPart, Sealed, key_id};

/// What the reader of a bundle trusts.
#[derive(Debug, Clone, Copy)]
pub struct Roots<'a> {
    /// The authorities.
    pub anchors: &'a TrustAnchors,
    /// The platform's signing keys, present and past (Ed25519, 32 bytes each).
    pub platform_keys: &'a [[u8; 32]],
}

/// A bundle from which the recorded verdict followed.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// What it was derived from.
    pub content: Content,
    /// The verdict as it was derived again.
    pub verdict: Verdict,
    /// Its place in the audit log.
    pub audit: AuditPart,
}

/// Derives a verdict again from its bundle and compares it with the recorded one.
///
/// # Errors
/// The first [`Difference`].
pub fn replay(bundle: &[u8], roots: &Roots<'_>) -> Result<Replayed, Difference> {
    let sealed = Sealed::decode(bundle)?;
    let key = roots.platform_keys.iter().find(|key| key_id(key) == sealed.key_id);
    let key = key
        .ok_or_else(|| Difference::UnknownPlatformKey { key_id: musubi_kernel::hex_lower(&sealed.key_id) })?;
    if !verify_ed25519(key, sealed.signed, &sealed.signature) {
        return Err(Difference::PlatformSignature);
    }
    let AuditPart { record, index, size, root, path } = &sealed.audit;
    verify_inclusion(&leaf_hash(record), *index, *size, path, root).map_err(|_| Difference::Inclusion)?;
    let bytes = record;
    let record: Value = serde_json::from_slice(bytes).map_err(|_| Difference::Record)?;
    if !is_canonical(bytes, &record) {
        return Err(Difference::Record);
    }
    recorded(&record, "bundle", &musubi_kernel::hex_lower(&Content::sha256(sealed.content)))?;
    let content = Content::decode(sealed.content)?;
    recorded(&record, "indication", content.verdict.indication.as_str())?;
    let (verdict, own) = content.derive(roots.anchors)?;
    compare(&content, &verdict, own)?;
    Ok(Replayed { content, verdict, audit: sealed.audit })
}

/// A member of the record's detail.
fn recorded(record: &Value, what: &'static str, found: &str) -> Result<(), Difference> {
    let said = record.get("detail").and_then(|detail| detail.get(what)).and_then(Value::as_str);
    let said = said.ok_or(Difference::Record)?;
    if said == found {
        return Ok(());
    }
    Err(Difference::RecordDiffers { what, recorded: said.to_owned(), found: found.to_owned() })
}

fn compare(content: &Content, derived: &Verdict, own: usize) -> Result<(), Difference> {
    let recorded = &content.verdict;
    if recorded.checks.len() != own {
        return Err(Difference::CheckCount { recorded: recorded.checks.len(), derived: own });
    }
    for ((outcome, mark), check) in recorded.checks.iter().zip(derived.checks()) {
        let id = || check.id().to_owned();
        if *outcome != check.outcome() {
            let (recorded, derived) = (*outcome, check.outcome());
            return Err(Difference::CheckOutcome { id: id(), recorded, derived });
        }
        if *mark != evidence_mark(check) {
            return Err(Difference::CheckEvidence { id: id() });
        }
    }
    let none = || "none".to_owned();
    let text = |text: Option<&str>| text.map_or_else(none, str::to_owned);
    for (what, recorded, derived) in [
        ("indication", Some(recorded.indication.as_str()), Some(derived.indication().as_str())),
        (
            "sub-indication",
            recorded.sub_indication.map(|sub| sub.as_str()),
            derived.sub_indication().map(|sub| sub.as_str()),
        ),
        (
            "reason",
            recorded.reason.map(|reason| reason.code().as_str()),
            derived.reason().map(|reason| reason.code().as_str()),
        ),
    ] {
        if recorded != derived {
            return Err(Difference::Verdict { what, recorded: text(recorded), derived: text(derived) });
        }
    }
    if recorded.sha256 == verdict_sha256(derived) { Ok(()) } else { Err(Difference::WholeVerdict) }
}

impl Replayed {
    /// Whether the platform's commitment to this list (DER) follows from the list itself, which an authority must have
    /// signed; answers which of the bundle's lists it is, from 0. What that list said then rests on nobody's word.
    ///
    /// # Errors
    /// [`Difference`].
    pub fn check_list(&self, der: &[u8], anchors: &TrustAnchors) -> Result<usize, Difference> {
        let list = VerifiedRevocationList::parse_and_verify(der, anchors, MAX_LIST_BYTES)
            .map_err(Difference::GivenList)?;
        let lists = self.content.evidence.lists.iter().map(|list| &list.commitment).enumerate();
        // Of a list that was made with a delta list the platform names a digest of both; it must say the same all the same.
        let of_it: Vec<_> = lists
            .filter(|(_, recorded)| {
                recorded.sha256 == *list.sha256()
                    || ListCommitment::in_leaves(&list, recorded.entries_per_leaf).is_some_and(|own| {
                        (own.issuer, &own.scope, own.number, own.this_update)
                            == (recorded.issuer, &recorded.scope, recorded.number, recorded.this_update)
                    })
            })
            .collect();
        let (index, _) = *of_it.first().ok_or(Difference::GivenListUnused)?;
        for (_, recorded) in of_it {
            let own = ListCommitment::in_leaves(&list, recorded.entries_per_leaf);
            let own = own.ok_or(Difference::Commitment { what: "tree" })?;
            if let Some(what) = difference(&own, recorded) {
                return Err(Difference::Commitment { what });
            }
        }
        Ok(index)
    }
}

/// In what the platform's commitment to a list differs from the list's own.
fn difference(own: &ListCommitment, recorded: &ListCommitment) -> Option<&'static str> {
    match () {
        () if own.issuer != recorded.issuer => Some("issuer"),
        () if own.scope != recorded.scope => Some("scope"),
        () if own.number != recorded.number => Some("number"),
        () if own.this_update != recorded.this_update => Some("thisUpdate"),
        () if own.next_update != recorded.next_update => Some("nextUpdate"),
        () if own.entries != recorded.entries => Some("number of entries"),
        () if own.root != recorded.root => Some("tree root"),
        () => None,
    }
}
