//! What a person at the command line can do about a verdict. The reasons of verdicts speak to holders of cards; here
//! somebody holds a document that another person signed. Also the option that brings what was missing, and what to
//! bear in mind about a signature that passed.

use musubi_pki::{CheckResult, EvidenceValue, Outcome, ReasonCode, SubIndication, Verdict};
use musubi_signature::{Context, Extent, Role, SignatureJudgement};

/// A text in both languages.
pub(super) struct Text {
    pub(super) ja: &'static str,
    pub(super) en: &'static str,
}

const TAMPERED: Text = Text {
    ja: "この文書を信用しないでください。作成者から別の経路で受け取り直すか、署名のやり直しを依頼してください。",
    en: "Do not rely on this document. Obtain it again from its author by another way, or ask for a new signature.",
};
const ENDED: Text = Text {
    ja: "失効や期限切れより前に署名されたことがタイムスタンプで証明されない限り、この署名を信用しないでください。署名者に、有効な電子証明書での署名を依頼してください。",
    en: "Do not rely on this signature unless a time-stamp proves that it is older. Ask the signer to sign with a valid certificate.",
};
const OTHER_CERTIFICATE: Text = Text {
    ja: "この署名を信用せず、署名者に、有効で安全な電子証明書での署名を依頼してください。",
    en: "Do not rely on this signature. Ask the signer to sign with a certificate that is valid and secure.",
};
const MORE_DATA: Text = Text {
    ja: "認証局の新しい失効情報を入手してから、もう一度検証してください。",
    en: "Obtain the authority's current revocation data, then verify again.",
};

/// What to do for who verifies, where the reason says what the signer should.
pub(super) fn next(reason: ReasonCode) -> Option<Text> {
    match reason {
        ReasonCode::SignatureTampered => Some(TAMPERED),
        ReasonCode::CertificateRevoked | ReasonCode::CertificateHeld | ReasonCode::CertificateExpired => {
            Some(ENDED)
        }
        ReasonCode::CertificateNotYetValid
        | ReasonCode::CertificateMalformed
        | ReasonCode::CertificateWeakAlgorithm => Some(OTHER_CERTIFICATE),
        ReasonCode::UpstreamUnreachable | ReasonCode::RevocationListTooOld => Some(MORE_DATA),
        _ => None,
    }
}

const NO_PATH: Text = Text {
    ja: "信頼する認証局を --trust で、途中の証明書を --certificates で指定してください",
    en: "name the authorities that you trust with --trust, and certificates between with --certificates",
};
const NO_REVOCATION: Text = Text {
    ja: "認証局の新しい失効リストを --crl で、または OCSP 応答を --ocsp で渡してください（この命令は何も取得しません）",
    en: "give the authority's current revocation list with --crl or its OCSP response with --ocsp (nothing is fetched)",
};
const NO_TIMESTAMP: Text = Text {
    ja: "信頼する時刻認証局を --trust-timestamps で指定してください",
    en: "name the time-stamping authorities that you trust with --trust-timestamps",
};
const NO_CONTENT: Text = Text {
    ja: "署名された元の文書を --content で渡してください",
    en: "give the document that was signed with --content",
};
const OTHER_TIME: Text = Text {
    ja: "署名した当時に有効だったかを知りたいときは、その時刻を --at で指定してください（その時刻に署名があった証拠にはなりません）",
    en: "to ask how it stood at an earlier time, give that time with --at (which proves nothing about when it was made)",
};

/// The options that may bring what the verdict lacks.
pub(super) fn advice(verdict: &Verdict, context: &Context<'_>) -> Vec<Text> {
    let is_open = |id: &str| {
        let check = verdict.check(id);
        check.is_some_and(|check| matches!(check.outcome(), Outcome::Failed | Outcome::Inconclusive))
    };
    let mut out = Vec::new();
    let no_path = is_open("path.found");
    if no_path {
        out.push(NO_PATH);
    }
    // Without a path there is nothing whose revocation could be looked up.
    let is_unknown = ["revocation.available", "revocation.freshness"].into_iter().any(is_open);
    if is_unknown && !no_path {
        out.push(NO_REVOCATION);
    }
    let untrusted_stamp = |check: &CheckResult| {
        let sub = SubIndication::NoCertificateChainFound.as_str();
        check.id() == "timestamp.verdict"
            && matches!(check.evidence("sub_indication"), Some(EvidenceValue::Text(text)) if text == sub)
    };
    if verdict.checks().iter().any(untrusted_stamp) {
        out.push(NO_TIMESTAMP);
    }
    if verdict.sub_indication() == Some(SubIndication::SignedDataNotFound) {
        out.push(NO_CONTENT);
    }
    let is_past = matches!(verdict.sub_indication(), Some(SubIndication::OutOfBoundsNoPoe));
    if is_past && context.judged_at == verdict.judged_at() {
        out.push(OTHER_TIME);
    }
    out
}

const PART: Text = Text {
    ja: "この署名が保護するのは、この部分だけです。ファイルのほかの部分は、この署名者のものとは限りません",
    en: "it protects this part only; what else is in the file need not be this signer's",
};
const UNKNOWN_REVOCATION: Text = Text {
    ja: "失効情報のない証明書があります（ポリシーがそれを認めています）",
    en: "a certificate was accepted without any revocation data, as the policy allows",
};

/// What to bear in mind about a signature that passed.
pub(super) fn cautions(signature: &SignatureJudgement) -> Vec<Text> {
    let mut out = Vec::new();
    if !signature.verdict.is_passed() {
        return out;
    }
    if matches!(signature.extent, Extent::Part(_)) && signature.role == Role::Signature {
        out.push(PART);
    }
    let without = signature.verdict.check("revocation.available").and_then(|c| c.evidence("without_status"));
    if matches!(without, Some(EvidenceValue::Number(count)) if *count > 0) {
        out.push(UNKNOWN_REVOCATION);
    }
    out
}
