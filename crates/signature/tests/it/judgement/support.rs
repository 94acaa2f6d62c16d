//! Documents judged under the hierarchy of the fixtures.

use musubi_kernel::UnixTime;
use musubi_pki::path::PathAnchors;
use musubi_pki::{CheckResult, Outcome, ValidationPolicy};
use musubi_signature::{Context, DocumentJudgement, NotASignature, SignatureJudgement, judge_document};

use crate::cms_message::fixture;

pub(crate) fn time(text: &str) -> UnixTime {
    UnixTime::parse_rfc3339(text).unwrap()
}

/// Under what a document is judged: in order until a test changes it.
pub(crate) struct Bench {
    pub(crate) anchors: PathAnchors,
    pub(crate) timestamp_anchors: PathAnchors,
    pub(crate) certificates: Vec<Vec<u8>>,
    pub(crate) crls: Vec<Vec<u8>>,
    pub(crate) ocsp: Vec<Vec<u8>>,
    pub(crate) policy: ValidationPolicy,
    pub(crate) at: UnixTime,
}

pub(crate) fn root() -> PathAnchors {
    PathAnchors::from_certificates([fixture("pki/root.der")]).unwrap()
}

impl Bench {
    /// With the lists of `../pki`: one signer is revoked. At the end of November 2026.
    pub(crate) fn new() -> Self {
        Self {
            anchors: root(),
            timestamp_anchors: root(),
            certificates: vec![fixture("pki/intermediate.der")],
            crls: vec![fixture("pki/intermediate.crl"), fixture("pki/root.crl")],
            ocsp: Vec::new(),
            policy: ValidationPolicy::default(),
            at: time("2026-12-01T00:00:00Z"),
        }
    }

    /// With the list of `../judgement`: a signer's key was lost on 15 November, an authority's on the 25th.
    pub(crate) fn with_losses() -> Self {
        Self { crls: vec![fixture("judgement/intermediate.crl"), fixture("pki/root.crl")], ..Self::new() }
    }

    pub(crate) fn at(self, text: &str) -> Self {
        Self { at: time(text), ..self }
    }

    pub(crate) fn without_lists(self) -> Self {
        Self { crls: Vec::new(), ..self }
    }

    pub(crate) fn judge(
        &self,
        file: &[u8],
        detached: Option<&[u8]>,
    ) -> Result<DocumentJudgement, NotASignature> {
        fn slices(of: &[Vec<u8>]) -> Vec<&[u8]> {
            of.iter().map(Vec::as_slice).collect()
        }
        let (certificates, crls, ocsp) = (slices(&self.certificates), slices(&self.crls), slices(&self.ocsp));
        let context = Context {
            anchors: &self.anchors,
            timestamp_anchors: &self.timestamp_anchors,
            certificates: &certificates,
            crls: &crls,
            ocsp: &ocsp,
            policy: &self.policy,
            judged_at: self.at,
        };
        judge_document(file, detached, &context)
    }

    /// The judgement of a document with one signature that nobody counter-signed.
    pub(crate) fn one(&self, file: &[u8]) -> SignatureJudgement {
        let mut judged = self.judge(file, None).unwrap();
        assert_eq!(judged.signatures.len(), 1);
        assert_eq!(judged.indication(), judged.signatures[0].verdict.indication());
        judged.signatures.remove(0)
    }

    /// What comes of a document of `judgement/`.
    pub(crate) fn outcome(&self, name: &str) -> String {
        summary(&self.one(&document(name)))
    }
}

pub(crate) fn document(name: &str) -> Vec<u8> {
    fixture(&format!("judgement/{name}.p7"))
}

/// Indication, sub-indication, and of how many time-stamps how many passed.
pub(crate) fn summary(judged: &SignatureJudgement) -> String {
    let verdict = &judged.verdict;
    assert_eq!(verdict.is_passed(), verdict.sub_indication().is_none());
    let mut text = verdict.sub_indication().map_or("PASSED", |sub| sub.as_str()).to_owned();
    if !judged.timestamps.is_empty() {
        let passed = judged.timestamps.iter().filter(|stamp| stamp.verdict.is_passed()).count();
        text = format!("{text} {passed}/{}", judged.timestamps.len());
    }
    text
}

/// The checks that failed or do not tell, of the signature.
pub(crate) fn broken(judged: &SignatureJudgement) -> Vec<&str> {
    let is_broken = |c: &&CheckResult| matches!(c.outcome(), Outcome::Failed | Outcome::Inconclusive);
    judged.verdict.checks().iter().filter(is_broken).map(CheckResult::id).collect()
}
