//! A small authority for the tests: certificates and lists with every departure from the profile that a test
//! wants to see refused.

pub(crate) mod authority;
pub(crate) mod der;
pub(crate) mod lists;
pub(crate) mod responses;

use std::sync::{Arc, OnceLock};

use musubi_crypto::{RsaSigner, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::*;

use authority::{Authority, Leaf};
use lists::List;

/// Keys, each made when first used and shared by the tests of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    SignatureFirst,
    SignatureSecond,
    Authentication,
    Holder,
    Stranger,
}

pub(crate) fn signer(key: Key) -> &'static RsaSigner {
    static KEYS: [OnceLock<RsaSigner>; 5] = [const { OnceLock::new() }; 5];
    KEYS[key as usize].get_or_init(|| RsaSigner::generate_2048().unwrap())
}

/// 2026-11-21T02:03:04Z: the time at which the tests judge.
pub(crate) const NOW: UnixTime = UnixTime(1_795_226_584);
pub(crate) const HOUR: i64 = 3600;
pub(crate) const DAY: i64 = 24 * HOUR;

pub(crate) const DOCUMENT: &[u8] = "口座開設の申込み\norigin: https://bank.example\n".as_bytes();

/// Two generations of the authority for signatures and one for authentication, as test anchors.
pub(crate) fn anchors() -> TrustAnchors {
    let all = [Authority::signature_first(), Authority::signature_second(), Authority::authentication()];
    TrustAnchors::insecure_test_hierarchy(all.map(|a| (a.kind, a.certificate()))).unwrap()
}

pub(crate) fn sign(key: Key, message: &[u8]) -> Vec<u8> {
    signer(key).sign_pkcs1_sha256(message).unwrap()
}

/// A case to judge: everything in order until a test changes it.
pub(crate) struct Case {
    pub(crate) certificate: Vec<u8>,
    pub(crate) kind: AuthorityKind,
    pub(crate) signature: Vec<u8>,
    pub(crate) document: Vec<u8>,
    pub(crate) digest: Option<[u8; 32]>,
    pub(crate) lists: Vec<Arc<VerifiedRevocationList>>,
    pub(crate) ocsp: Vec<Vec<u8>>,
    pub(crate) policy: Policy,
    pub(crate) at: UnixTime,
}

impl Case {
    /// The leaf issued by its authority, a document signed with the holder's key, a fresh list without it.
    pub(crate) fn of(authority: &Authority, leaf: &Leaf) -> Self {
        Self {
            certificate: authority.issue(leaf),
            kind: leaf.kind,
            signature: sign(Key::Holder, DOCUMENT),
            document: DOCUMENT.to_vec(),
            digest: Some(sha256(DOCUMENT)),
            lists: vec![List::of(authority).verified()],
            ocsp: Vec::new(),
            policy: Policy::default(),
            at: NOW,
        }
    }

    pub(crate) fn signature() -> Self {
        Self::of(&Authority::signature_second(), &Leaf::signature())
    }

    pub(crate) fn authentication() -> Self {
        Self::of(&Authority::authentication(), &Leaf::authentication())
    }

    pub(crate) fn judged_by(&self, anchors: &TrustAnchors) -> Judgement {
        let evidence = Evidence {
            certificate: &self.certificate,
            expected_kind: self.kind,
            signature: &self.signature,
            signed_data: SignedData::Bytes(&self.document),
            expected_digest: self.digest,
            lists: &self.lists,
            ocsp: &self.ocsp,
        };
        judge(&evidence, anchors, &self.policy, self.at)
    }

    /// The verdict from the digests of the document and from proofs of what each covering list says.
    fn judged_from_proofs(&self, anchors: &TrustAnchors, first: &Judgement) -> Verdict {
        let proven = |list: &Arc<VerifiedRevocationList>| {
            let serial = first.issued.as_ref().unwrap().serial.clone();
            let (commitment, proof) = (ListCommitment::of(list).unwrap(), list.prove(&serial).unwrap());
            Arc::new(VerifiedRevocationList::proven(&commitment, &serial, &proof, anchors).unwrap())
        };
        let lists: Vec<_> = first.covering.iter().map(proven).collect();
        let evidence = Evidence {
            certificate: &self.certificate,
            expected_kind: self.kind,
            signature: &self.signature,
            signed_data: SignedData::Digests(&first.digests),
            expected_digest: self.digest,
            lists: &lists,
            ocsp: &self.ocsp,
        };
        judge(&evidence, anchors, &self.policy, self.at).verdict
    }

    pub(crate) fn judged(&self) -> Judgement {
        let judgement = self.judged_by(&anchors());
        let again = self.judged_from_proofs(&anchors(), &judgement);
        assert_eq!(again, judgement.verdict, "from digests and proofs comes another verdict");
        judgement
    }

    /// Asserts the conclusion, and that the certificate is given away only if everything passed.
    #[track_caller]
    pub(crate) fn comes_to(&self, conclusion: Option<(SubIndication, ReasonCode)>) -> Verdict {
        let judgement = self.judged();
        let verdict = judgement.verdict;
        let found = verdict.sub_indication().zip(verdict.reason());
        assert_eq!(found, conclusion, "{verdict:#?}");
        assert_eq!(verdict.is_passed(), conclusion.is_none());
        assert_eq!(judgement.certificate.is_some(), conclusion.is_none());
        assert_eq!(verdict.checks().len(), CHECKS.len());
        verdict
    }

    #[track_caller]
    pub(crate) fn passes(&self) -> Verdict {
        self.comes_to(None)
    }

    #[track_caller]
    pub(crate) fn fails(&self, sub_indication: SubIndication, reason: ReasonCode) -> Verdict {
        self.comes_to(Some((sub_indication, reason)))
    }
}

#[track_caller]
pub(crate) fn outcome(verdict: &Verdict, id: &str) -> Outcome {
    verdict.check(id).unwrap_or_else(|| panic!("no check {id}")).outcome()
}

/// The ids of the checks with this outcome.
pub(crate) fn with_outcome(verdict: &Verdict, outcome: Outcome) -> Vec<&str> {
    verdict.checks().iter().filter(|c| c.outcome() == outcome).map(CheckResult::id).collect()
}
