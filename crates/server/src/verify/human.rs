//! The output for people, in Japanese or English: what each signature came to, what it protects, why, and what to do
//! next. Names out of certificates are told as they stand there; what they say counts if the verdict is TOTAL-PASSED.

use std::fmt::Write as _;
use std::path::Path;

use musubi_httpkit::page::Lang;
use musubi_kernel::UnixTime;
use musubi_pki::{CheckResult, EvidenceValue, Indication, Outcome, RevocationMode, inspect};
use musubi_signature::{
    Context, DocumentJudgement, Extent, Level, NotASignature, Role, SignatureJudgement, TimestampJudgement,
    TimestampKind,
};

use super::advice::{advice, cautions, next};
use crate::terminal::{shown, shown_path, width};

/// The column at which values begin.
const COLUMN: usize = 24;

/// The text for one file.
pub(super) fn text(
    file: &Path,
    judgement: &DocumentJudgement,
    context: &Context<'_>,
    language: Lang,
) -> String {
    let mut out = Lines { out: String::new(), language };
    let count = judgement.signatures.len();
    let (at, policy) = (time(context.judged_at, language), &context.policy);
    out.raw(&shown_path(file));
    out.raw(&language.pick(
        format!(
            "  署名 {count} 件、{at}の時点で検証、検証ポリシー {} 第{}版",
            shown(&policy.id),
            policy.version
        ),
        format!(
            "  {count} {}, judged for {at}, policy {} version {}",
            if count == 1 { "signature" } else { "signatures" },
            shown(&policy.id),
            policy.version
        ),
    ));
    if let Some(caution) = of_policy(context, language) {
        out.field(("注意", "Caution"), caution);
    }
    for (index, signature) in judgement.signatures.iter().enumerate() {
        out.raw("");
        out.signature(index, signature, context);
    }
    out.raw("");
    out.raw(&format!("  => {}", conclusion(judgement, language)));
    out.out
}

/// What the policy leaves out.
fn of_policy(context: &Context<'_>, language: Lang) -> Option<&'static str> {
    (context.policy.revocation == RevocationMode::Off).then(|| {
        language.pick(
            "このポリシーは失効を確認しません。失効した電子証明書の署名も有効と表示されます。",
            "this policy does not look at revocation: signatures of revoked certificates pass.",
        )
    })
}

fn mark(indication: Indication, language: Lang) -> &'static str {
    match indication {
        Indication::TotalPassed => language.pick("有効", "VALID"),
        Indication::TotalFailed => language.pick("無効", "NOT VALID"),
        Indication::Indeterminate => language.pick("判断できません", "CANNOT BE DECIDED"),
    }
}

fn conclusion(judgement: &DocumentJudgement, language: Lang) -> String {
    let all = judgement.signatures.len();
    let valid = judgement.signatures.iter().filter(|s| s.verdict.is_passed()).count();
    let mark = mark(judgement.indication(), language);
    let indication = judgement.indication();
    match (indication, language) {
        _ if all == 1 => format!("{mark} ({indication})"),
        (Indication::TotalPassed, Lang::Ja) if valid < all => {
            format!("{mark} ({indication}): 文書の署名はすべて有効です（有効でない副署があります）")
        }
        (Indication::TotalPassed, Lang::En) if valid < all => {
            format!(
                "{mark} ({indication}): the document's own signatures all are; a counter-signature is not"
            )
        }
        (_, Lang::Ja) => format!("{mark} ({indication}): {all} 件のうち {valid} 件が有効"),
        (_, Lang::En) => format!("{mark} ({indication}): {valid} of {all} valid"),
    }
}

/// Several files at a glance.
#[derive(Default)]
pub(super) struct Summary {
    files: usize,
    passed: usize,
    failed: usize,
    undecided: usize,
}

impl Summary {
    pub(super) fn count(&mut self, indication: Option<Indication>) {
        self.files += 1;
        match indication {
            Some(Indication::TotalPassed) => self.passed += 1,
            Some(Indication::TotalFailed) => self.failed += 1,
            Some(Indication::Indeterminate) => self.undecided += 1,
            None => {}
        }
    }

    /// `None` for one file, which has said it.
    pub(super) fn text(&self, language: Lang) -> Option<String> {
        let Self { files, passed, failed, undecided } = *self;
        let not_judged = files.saturating_sub(passed + failed + undecided);
        (files > 1).then(|| {
            language.pick(
                format!("\nファイル {files} 件: 有効 {passed}、無効 {failed}、判断できない {undecided}、検証できない {not_judged}"),
                format!("\n{files} files: {passed} valid, {failed} not valid, {undecided} cannot be decided, {not_judged} could not be judged"),
            )
        })
    }
}

/// An instant: in UTC, and in Japanese also in Japan's time.
fn time(at: UnixTime, language: Lang) -> String {
    language.pick(format!("{at}（日本時間 {}）", at.in_japan()), at.to_string())
}

/// Text in the making.
struct Lines {
    out: String,
    language: Lang,
}

impl Lines {
    fn raw(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    /// A label and its value, which is safe to print.
    fn field(&mut self, (ja, en): (&str, &str), value: impl std::fmt::Display) {
        let label = self.language.pick(ja, en);
        let gap = COLUMN.saturating_sub(width(label)).max(1);
        // Writing to a String does not fail.
        let _ = writeln!(self.out, "     {label}{:gap$}{value}", "");
    }

    fn signature(&mut self, index: usize, signature: &SignatureJudgement, context: &Context<'_>) {
        let (verdict, language) = (&signature.verdict, self.language);
        let sub = verdict.sub_indication().map_or_else(String::new, |sub| format!(" / {sub}"));
        let level = match (signature.role, signature.level) {
            (Role::TimeStamp { .. }, _) | (_, Level::Plain) => String::new(),
            (_, level) => format!("-{}", level.as_str()),
        };
        let mark = mark(verdict.indication(), language);
        let format = signature.format;
        self.raw(&format!("  {}. {mark} ({}{sub})  {format}{level}", index + 1, verdict.indication()));
        if signature.role == Role::CounterSignature {
            let note = language.pick(
                "副署（ほかの署名への署名）です。文書の有効性には影響しません",
                "a counter-signature, over another signature; it decides nothing about the document",
            );
            self.field(("種類", "Kind"), note);
        }
        let subject = signature.signer.as_deref().map(inspect::subject_text);
        let subject = match subject {
            Some(Some(name)) => shown(&name),
            Some(None) => {
                language.pick("（証明書に名前がありません）", "(no name in the certificate)").to_owned()
            }
            None => language.pick("（証明書が見つかりません）", "(its certificate is not there)").to_owned(),
        };
        self.field(signer_label(signature), subject);
        self.field(("保護する範囲", "Protects"), extent(&signature.extent, language));
        self.field(("場所", "Where"), shown(&signature.location));
        if let Role::TimeStamp { at } = signature.role {
            self.field(("示す時刻", "States"), time(at, language));
        } else if let Some(at) = signature.claimed_signing_time {
            let note = language.pick("（署名者の申告、未確認）", " (the signer's word, not confirmed)");
            self.field(("署名日時", "Signed at"), format!("{}{note}", time(at, language)));
        }
        if let Some(at) = signature.existed_at {
            let note = language.pick("までに存在（タイムスタンプで証明）", " (proven by a time-stamp)");
            self.field(("存在の証明", "Existed by"), format!("{}{note}", time(at, language)));
        }
        for stamp in &signature.timestamps {
            self.timestamp(stamp);
        }
        for caution in cautions(signature) {
            self.field(("注意", "Caution"), language.pick(caution.ja, caution.en));
        }
        if let Some(reason) = verdict.reason() {
            let text = language.pick(reason.ja(), reason.en());
            self.field(("理由", "What happened"), text.what);
            let next = next(reason).map_or(text.next, |next| language.pick(next.ja, next.en));
            self.field(("次にすること", "What to do"), next);
        }
        for option in advice(verdict, context) {
            self.field(("試せること", "To try"), language.pick(option.ja, option.en));
        }
        for check in verdict.checks() {
            if matches!(check.outcome(), Outcome::Failed | Outcome::Inconclusive) {
                self.field(("満たさない条件", "Rule not met"), told(check));
            }
        }
    }

    fn timestamp(&mut self, stamp: &TimestampJudgement) {
        let language = self.language;
        let kind = match stamp.kind {
            TimestampKind::Content => language.pick("内容", "of the content"),
            TimestampKind::Signature => language.pick("署名", "of the signature"),
            TimestampKind::Archive => language.pick("長期保存", "for the archive"),
            TimestampKind::Other => {
                language.pick("その他（何も証明しない）", "of another kind, proving nothing")
            }
        };
        let at = stamp.at.map_or_else(|| "?".to_owned(), |at| time(at, language));
        let verdict = &stamp.verdict;
        let sub = verdict.sub_indication().map_or_else(String::new, |sub| format!(" / {sub}"));
        let mark = mark(verdict.indication(), language);
        let value = format!("{at}  {kind}  {mark} ({}{sub})", verdict.indication());
        self.field(("タイムスタンプ", "Time-stamp"), value);
        if let (false, Some(reason)) = (verdict.is_passed(), verdict.reason()) {
            self.field(("", ""), language.pick(reason.ja(), reason.en()).what);
            for check in verdict.checks().iter().filter(|check| check.outcome() != Outcome::Passed) {
                if check.outcome() != Outcome::Skipped {
                    self.field(("", ""), told(check));
                }
            }
        }
    }
}

fn signer_label(signature: &SignatureJudgement) -> (&'static str, &'static str) {
    match signature.role {
        Role::Signature | Role::CounterSignature => ("署名者", "Signer"),
        Role::TimeStamp { .. } => ("時刻認証局", "Time-stamped by"),
    }
}

fn extent(extent: &Extent, language: Lang) -> String {
    match (extent, language) {
        (Extent::Whole, Lang::Ja) => "ファイル全体".to_owned(),
        (Extent::Detached, Lang::Ja) => "渡された内容（別のファイル）".to_owned(),
        (Extent::Part(which), Lang::Ja) => format!("一部: {}", shown(which)),
        (Extent::Part(which), Lang::En) => format!("a part: {}", shown(which)),
        (Extent::Whole | Extent::Detached, Lang::En) => extent.to_string(),
    }
}

/// A check that was not passed, with its evidence.
fn told(check: &CheckResult) -> String {
    let mut out = format!("{} ({})", shown(check.id()), shown(check.citation()));
    for (name, value) in check.all_evidence() {
        let value = match value {
            EvidenceValue::Text(text) => shown(text),
            EvidenceValue::Number(number) => number.to_string(),
            EvidenceValue::Flag(flag) => flag.to_string(),
            EvidenceValue::Time(at) => at.to_string(),
        };
        let _ = write!(out, " {}={value}", shown(name));
    }
    out
}

/// The name of why there is nothing to judge, for programs.
pub(super) fn code(why: &NotASignature) -> &'static str {
    match why {
        NotASignature::Malformed(_) => "malformed",
        NotASignature::NoSignature => "no_signature",
        NotASignature::TooMuch { .. } => "too_much",
        NotASignature::ContentMissing => "content_missing",
    }
}

/// A file that was not judged: what happened and what to do.
pub(super) fn not_judged(file: &Path, why: &NotASignature, language: Lang) -> String {
    let (what, next) = match why {
        NotASignature::Malformed(_) => language.pick(
            (
                "署名付き文書として読み取れません。壊れているか、対応していない形式です。",
                "証明書や失効リストであれば musubi inspect を、署名値だけのファイルであれば --signature と --certificate をお使いください。",
            ),
            (
                "this cannot be read as a signed document: it is damaged or of an unknown format.",
                "For certificates and revocation lists use `musubi inspect`; for a bare signature value --signature and --certificate.",
            ),
        ),
        NotASignature::NoSignature => language.pick(
            ("この文書には署名がありません。", "署名が別のファイルにある場合は、そのファイルを検証し、この文書を --content で渡してください。"),
            (
                "there is no signature in this document.",
                "If the signature is another file, verify that one and give this document with --content.",
            ),
        ),
        NotASignature::TooMuch { .. } => language.pick(
            ("検証できる大きさや数の上限を超えています。", "悪意のある文書のおそれがあります。出どころを確認してください。"),
            (
                "this is larger, deeper or more numerous than what is judged.",
                "The document may be hostile: make sure of where it comes from.",
            ),
        ),
        NotASignature::ContentMissing => language.pick(
            ("署名された内容がこのファイルにありません。", "署名された元の文書を --content FILE で渡してください。"),
            (
                "the signed content is not in this file.",
                "Give the document that was signed with --content FILE.",
            ),
        ),
    };
    let mark = language.pick("検証できません", "COULD NOT BE JUDGED");
    let name = shown_path(file);
    format!("{name}\n  {mark}: {what}\n  {next}\n  [{}]", shown(&why.to_string()))
}
