//! The evidence of a judgement by [`musubi_pki::judge()`] or [`musubi_pki::judge_presence()`].

use std::sync::Arc;

use musubi_crypto::{Digest, DigestAlgorithm, Sha256Digest};
use musubi_kernel::UnixTime;
use musubi_pki::{
    AuthorityKind, CertKey, Evidence, Judgement, ListCommitment, ListScope, MAX_RESPONSE_BYTES,
    MAX_RESPONSES, Policy, PresenceEvidence, PresenceJudgement, PresenceStatement, RevocationReason,
    RevokedEntry, SerialNumber, SignedData, StatusProof, TrustAnchors, UnverifiedCertificate, Verdict,
    VerifiedRevocationList, judge, judge_presence,
};

use super::Difference;
use super::cbor::{Malformed, Reader, Writer, Written, hashes};

/// By which judgement a verdict was made. A reader that does not know the kind refuses the bundle, instead of taking a
/// presence for a holder's signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// [`musubi_pki::judge()`].
    Holder,
    /// [`musubi_pki::judge_presence()`].
    Presence,
}

impl Kind {
    /// The name in the bundle.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Holder => "jpki",
            Self::Presence => "jpki.presence",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Holder, Self::Presence].into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Longest certificate and signature, in bytes: as the platform takes them from callers.
const MAX_CERTIFICATE: usize = 16 * 1024;
const MAX_SIGNATURE: usize = 1024;
/// Longest origin, as the platform takes it, and longest card key, in bytes.
const MAX_ORIGIN: usize = 800;
const MAX_CARD_KEY: usize = 1024;
/// Lists that cover one certificate: a full one and a partition, of two issues each.
const MAX_LISTS: u64 = 4;
/// Entries of a leaf of a list's tree, unless it has one.
const MOST_ENTRIES: u64 = 16;
/// Hashes of one proof: two ways through a tree of 2^32 entries.
const MAX_HASHES: usize = 64;

/// What one list said of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListEvidence {
    /// What the list is.
    pub commitment: ListCommitment,
    /// What it says.
    pub proof: StatusProof,
}

/// Everything that went into the judgement, but the roots.
#[derive(Clone, PartialEq, Eq)]
pub struct JpkiEvidence {
    /// The certificate as it came: DER if all is well.
    pub certificate: Vec<u8>,
    /// Which certificate was asked for.
    pub expected_kind: AuthorityKind,
    /// The signature value.
    pub signature: Vec<u8>,
    /// Digests of what was signed: SHA-256 first, then the one that the key signs if it is another. None of a presence,
    /// whose text is made again.
    pub digests: Vec<Digest>,
    /// The SHA-256 that was fixed before.
    pub expected_digest: Option<Sha256Digest>,
    /// The lists that cover the certificate, in the order of the judgement.
    pub lists: Vec<ListEvidence>,
    /// The OCSP responses that were looked at, DER as they came.
    pub ocsp: Vec<Vec<u8>>,
    /// What was asked.
    pub policy: Policy,
    /// Of a presence without PIN only.
    pub presence: Option<CardPresence>,
}

/// What the judgement of a presence looks at beside the certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct CardPresence {
    /// What the card's free key signed.
    pub statement: PresenceStatement,
    /// The card key that was enrolled, `SubjectPublicKeyInfo` in DER; `None` if none was.
    pub card_key: Option<Vec<u8>>,
}

impl JpkiEvidence {
    /// The evidence of a judgement that was made of `evidence` by `policy`. `None` if a list cannot prove what it says,
    /// being itself known by a proof only.
    #[must_use]
    pub fn of(evidence: &Evidence<'_>, policy: &Policy, judgement: &Judgement) -> Option<Self> {
        let lists = lists_of(judgement.issued.as_ref(), &judgement.covering)?;
        Some(Self {
            certificate: evidence.certificate.to_vec(),
            expected_kind: evidence.expected_kind,
            signature: evidence.signature.to_vec(),
            digests: judgement.digests.clone(),
            expected_digest: evidence.expected_digest,
            lists,
            ocsp: responses_of(evidence.ocsp),
            policy: *policy,
            presence: None,
        })
    }

    /// The evidence of a judgement of presence, likewise.
    #[must_use]
    pub fn of_presence(
        evidence: &PresenceEvidence<'_>,
        policy: &Policy,
        judgement: &PresenceJudgement,
    ) -> Option<Self> {
        Some(Self {
            certificate: evidence.certificate.to_vec(),
            expected_kind: AuthorityKind::UserAuthentication,
            signature: evidence.signature.to_vec(),
            digests: Vec::new(),
            expected_digest: None,
            lists: lists_of(judgement.issued.as_ref(), &judgement.covering)?,
            ocsp: responses_of(evidence.ocsp),
            policy: *policy,
            presence: Some(CardPresence {
                statement: evidence.statement.clone(),
                card_key: evidence.card_key.map(<[u8]>::to_vec),
            }),
        })
    }

    pub(super) fn kind(&self) -> Kind {
        if self.presence.is_some() { Kind::Presence } else { Kind::Holder }
    }

    /// Judges again.
    pub(super) fn derive(&self, anchors: &TrustAnchors, at: UnixTime) -> Result<Verdict, Difference> {
        let lists = self.proven_lists(anchors)?;
        if let Some(CardPresence { statement, card_key }) = &self.presence {
            let evidence = PresenceEvidence {
                certificate: &self.certificate,
                card_key: card_key.as_deref(),
                statement,
                signature: &self.signature,
                lists: &lists,
                ocsp: &self.ocsp,
            };
            return Ok(judge_presence(&evidence, anchors, &self.policy, at).verdict);
        }
        let evidence = Evidence {
            certificate: &self.certificate,
            expected_kind: self.expected_kind,
            signature: &self.signature,
            signed_data: SignedData::Digests(&self.digests),
            expected_digest: self.expected_digest,
            lists: &lists,
            ocsp: &self.ocsp,
        };
        Ok(judge(&evidence, anchors, &self.policy, at).verdict)
    }

    fn proven_lists(&self, anchors: &TrustAnchors) -> Result<Vec<Arc<VerifiedRevocationList>>, Difference> {
        if self.lists.is_empty() {
            return Ok(Vec::new());
        }
        // Lists cover a certificate that an authority signed, hence one that can be read.
        let certificate = UnverifiedCertificate::parse(&self.certificate)
            .map_err(|_| Difference::NotABundle("lists for a certificate that cannot be read"))?;
        let proven = |(index, list): (usize, &ListEvidence)| {
            VerifiedRevocationList::proven(&list.commitment, certificate.serial(), &list.proof, anchors)
                .map(Arc::new)
                .map_err(|cause| Difference::List { index, cause })
        };
        self.lists.iter().enumerate().map(proven).collect()
    }

    pub(super) fn write(&self, w: &mut Writer) -> Written {
        let keys = 6
            + u64::from(self.expected_digest.is_some())
            + u64::from(self.presence.is_some())
            + u64::from(!self.ocsp.is_empty());
        w.map(keys)?.u8(1)?.bytes(&self.certificate)?;
        w.u8(2)?.u8(match self.expected_kind {
            AuthorityKind::DigitalSignature => 1,
            AuthorityKind::UserAuthentication => 2,
        })?;
        w.u8(3)?.bytes(&self.signature)?;
        w.u8(4)?.map(count(&self.digests))?;
        for digest in &self.digests {
            w.u8(digest_code(digest.algorithm()))?.bytes(digest.as_ref())?;
        }
        if let Some(expected) = &self.expected_digest {
            w.u8(5)?;
            if self.digests.iter().any(|digest| digest.as_ref() == expected) {
                w.bool(true)?;
            } else {
                w.bytes(expected)?;
            }
        }
        w.u8(6)?.array(count(&self.lists))?;
        for list in &self.lists {
            write_list(w, list)?;
        }
        w.u8(7)?;
        write_policy(w, &self.policy)?;
        if let Some(presence) = &self.presence {
            write_presence(w.u8(8)?, presence)?;
        }
        if !self.ocsp.is_empty() {
            w.u8(9)?.array(count(&self.ocsp))?;
            for response in &self.ocsp {
                w.bytes(response)?;
            }
        }
        w.ok()
    }

    pub(super) fn read(kind: Kind, r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let of_presence = kind == Kind::Presence;
        let mut keys = r.map("evidence", if of_presence { 9 } else { 8 })?;
        keys.need(r, 1)?;
        let certificate = r.bytes("certificate", MAX_CERTIFICATE)?.to_vec();
        keys.need(r, 2)?;
        let expected_kind = match r.number("expected kind")? {
            1 => AuthorityKind::DigitalSignature,
            2 => AuthorityKind::UserAuthentication,
            _ => return Err(Malformed("expected kind")),
        };
        keys.need(r, 3)?;
        let signature = r.bytes("signature", MAX_SIGNATURE)?.to_vec();
        keys.need(r, 4)?;
        let digests = read_digests(r)?;
        let expected_digest = if keys.take(r, 5)? { Some(read_expected(r, &digests)?) } else { None };
        keys.need(r, 6)?;
        let lists = (0..r.array("lists", MAX_LISTS)?).map(|_| read_list(r)).collect::<Result<_, _>>()?;
        keys.need(r, 7)?;
        let policy = read_policy(r)?;
        let presence = if of_presence {
            keys.need(r, 8)?;
            Some(read_presence(r)?)
        } else {
            None
        };
        let ocsp = if keys.take(r, 9)? { read_responses(r)? } else { Vec::new() };
        keys.end()?;
        // What these say of a presence is fixed; another value would be evidence that nobody looks at.
        let told_twice = !digests.is_empty()
            || expected_digest.is_some()
            || expected_kind != AuthorityKind::UserAuthentication;
        if of_presence && told_twice {
            return Err(Malformed("presence"));
        }
        Ok(Self {
            certificate,
            expected_kind,
            signature,
            digests,
            expected_digest,
            lists,
            ocsp,
            policy,
            presence,
        })
    }
}

impl std::fmt::Debug for CardPresence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The card's key is as personal as a serial number.
        f.write_str("CardPresence(…)")
    }
}

/// What each list says of the certificate.
fn lists_of(issued: Option<&CertKey>, covering: &[Arc<VerifiedRevocationList>]) -> Option<Vec<ListEvidence>> {
    let proven = |list: &Arc<VerifiedRevocationList>| {
        Some(ListEvidence { commitment: ListCommitment::of(list)?, proof: list.prove(&issued?.serial)? })
    };
    covering.iter().map(proven).collect()
}

/// As many and as large as a judgement looks at.
fn responses_of(responses: &[Vec<u8>]) -> Vec<Vec<u8>> {
    responses.iter().take(MAX_RESPONSES).filter(|der| der.len() <= MAX_RESPONSE_BYTES).cloned().collect()
}

fn read_responses(r: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Malformed> {
    let most = u64::try_from(MAX_RESPONSES).unwrap_or(u64::MAX);
    let responses: Vec<_> = (0..r.array("OCSP responses", most)?)
        .map(|_| r.bytes("OCSP response", MAX_RESPONSE_BYTES).map(<[u8]>::to_vec))
        .collect::<Result<_, _>>()?;
    // Without any, the member is not there.
    if responses.is_empty() { Err(Malformed("OCSP responses")) } else { Ok(responses) }
}

fn write_presence(w: &mut Writer, CardPresence { statement, card_key }: &CardPresence) -> Written {
    w.array(4 + u64::from(card_key.is_some()))?;
    let PresenceStatement { origin, relying_party, purpose, nonce } = statement;
    w.str(origin)?.str(relying_party)?.str(purpose)?.str(nonce)?;
    match card_key {
        Some(key) => w.bytes(key)?.ok(),
        None => w.ok(),
    }
}

fn read_presence(r: &mut Reader<'_>) -> Result<CardPresence, Malformed> {
    let length = r.array("presence", 5)?;
    let mut value = |longest| {
        let text = r.text("presence", longest)?;
        // A line break in a value would be a line of the text that was signed.
        if text.chars().any(char::is_control) { Err(Malformed("presence")) } else { Ok(text.to_owned()) }
    };
    let statement = PresenceStatement {
        origin: value(MAX_ORIGIN)?,
        relying_party: value(64)?,
        purpose: value(64)?,
        nonce: value(64)?,
    };
    let card_key = match length {
        4 => None,
        5 => Some(r.bytes("card key", MAX_CARD_KEY)?.to_vec()),
        _ => return Err(Malformed("presence")),
    };
    Ok(CardPresence { statement, card_key })
}

impl std::fmt::Debug for JpkiEvidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A person's certificate stays out of logs.
        f.write_str("JpkiEvidence(…)")
    }
}

fn count<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

/// Codes in ascending order, as the digests stand.
fn digest_code(algorithm: DigestAlgorithm) -> u8 {
    match algorithm {
        DigestAlgorithm::Sha1 => 0,
        DigestAlgorithm::Sha256 => 1,
        DigestAlgorithm::Sha384 => 2,
        DigestAlgorithm::Sha512 => 3,
    }
}

fn read_digests(r: &mut Reader<'_>) -> Result<Vec<Digest>, Malformed> {
    let mut keys = r.map("digests", 3)?;
    let mut digests = Vec::new();
    for algorithm in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        if keys.take(r, u64::from(digest_code(algorithm)))? {
            let bytes = r.bytes("digest", algorithm.length())?;
            digests.push(Digest::new(algorithm, bytes).ok_or(Malformed("digest"))?);
        }
    }
    keys.end()?;
    Ok(digests)
}

/// `true` for the digest of what was signed, as it nearly always is.
fn read_expected(r: &mut Reader<'_>, digests: &[Digest]) -> Result<Sha256Digest, Malformed> {
    if !r.takes_true() {
        return r.digest("expected digest");
    }
    let sha256 = digests.iter().find(|digest| digest.algorithm() == DigestAlgorithm::Sha256);
    sha256.and_then(|digest| digest.as_ref().try_into().ok()).ok_or(Malformed("expected digest"))
}

fn write_list(w: &mut Writer, ListEvidence { commitment, proof }: &ListEvidence) -> Written {
    let partition = commitment.scope.partition();
    // Leaves of one entry are the earlier form, and are not told.
    let leaves = commitment.entries_per_leaf != 1;
    w.array(2)?.map(7 + u64::from(partition.is_some()) + u64::from(leaves))?;
    w.u8(1)?.bytes(&commitment.issuer)?;
    if let Some(name) = partition {
        w.u8(2)?.bytes(name)?;
    }
    w.u8(3)?.u64(commitment.number)?;
    w.u8(4)?.i64(commitment.this_update.0)?;
    w.u8(5)?.i64(commitment.next_update.0)?;
    w.u8(6)?.bytes(&commitment.sha256)?;
    w.u8(7)?.u64(commitment.entries)?;
    w.u8(8)?.bytes(&commitment.root)?;
    if leaves {
        w.u8(9)?.u64(commitment.entries_per_leaf)?;
    }
    w.array(3)?.u64(proof.first)?.array(count(&proof.neighbours))?;
    for entry in &proof.neighbours {
        w.array(3)?.bytes(entry.serial.as_be_bytes())?.i64(entry.at.0)?.u8(entry.reason.code())?;
    }
    w.bytes(proof.hashes.as_flattened())?.ok()
}

fn read_list(r: &mut Reader<'_>) -> Result<ListEvidence, Malformed> {
    r.array_of("list", 2)?;
    let mut keys = r.map("list commitment", 9)?;
    keys.need(r, 1)?;
    let issuer = r.digest("list issuer")?;
    let scope = if keys.take(r, 2)? {
        ListScope::Partition(r.bytes("list partition", 1024)?.to_vec())
    } else {
        ListScope::Full
    };
    keys.need(r, 3)?;
    let number = r.number("list number")?;
    keys.need(r, 4)?;
    let this_update = r.time("list thisUpdate")?;
    keys.need(r, 5)?;
    let next_update = r.time("list nextUpdate")?;
    keys.need(r, 6)?;
    let sha256 = r.digest("list digest")?;
    keys.need(r, 7)?;
    let entries = r.number("list entries")?;
    keys.need(r, 8)?;
    let root = r.digest("list root")?;
    let entries_per_leaf = match keys.take(r, 9)? {
        true if r.number("entries of a leaf")? == MOST_ENTRIES => MOST_ENTRIES,
        true => return Err(Malformed("entries of a leaf")),
        false => 1,
    };
    keys.end()?;
    r.array_of("list proof", 3)?;
    let first = r.number("list proof position")?;
    let neighbours = (0..r.array("list proof entries", 2 * MOST_ENTRIES)?)
        .map(|_| read_entry(r))
        .collect::<Result<_, _>>()?;
    let hashes = hashes(r.bytes("list proof hashes", MAX_HASHES * 32)?, "list proof hashes")?;
    Ok(ListEvidence {
        commitment: ListCommitment {
            issuer,
            scope,
            number,
            this_update,
            next_update,
            sha256,
            entries,
            entries_per_leaf,
            root,
        },
        proof: StatusProof { first, neighbours, hashes },
    })
}

fn read_entry(r: &mut Reader<'_>) -> Result<RevokedEntry, Malformed> {
    r.array_of("list entry", 3)?;
    let serial = SerialNumber::from_be_bytes(r.bytes("serial number", 20)?);
    let at = r.time("revocation time")?;
    let code = u8::try_from(r.number("revocation reason")?).ok();
    Ok(RevokedEntry {
        serial: serial.map_err(|_| Malformed("serial number"))?,
        at,
        reason: code.and_then(RevocationReason::from_code).ok_or(Malformed("revocation reason"))?,
    })
}

fn write_policy(w: &mut Writer, policy: &Policy) -> Written {
    let optional = u64::from(policy.not_signed_before.is_some()) + u64::from(policy.max_list_age.is_some());
    w.map(1 + optional)?;
    if let Some(bound) = policy.not_signed_before {
        w.u8(1)?.i64(bound.0)?;
    }
    if let Some(age) = policy.max_list_age {
        w.u8(2)?.i64(age)?;
    }
    w.u8(3)?.u32(policy.min_rsa_bits)?.ok()
}

fn read_policy(r: &mut Reader<'_>) -> Result<Policy, Malformed> {
    let mut keys = r.map("policy", 3)?;
    let not_signed_before = if keys.take(r, 1)? { Some(r.time("policy")?) } else { None };
    let max_list_age = if keys.take(r, 2)? { Some(r.integer("policy")?) } else { None };
    keys.need(r, 3)?;
    let min_rsa_bits = u32::try_from(r.number("policy")?).map_err(|_| Malformed("policy"))?;
    keys.end()?;
    Ok(Policy { not_signed_before, max_list_age, min_rsa_bits })
}
