//! What can become of a line, with words for the people who read the results.

use std::borrow::Cow;

use musubi_pki::ReasonCode;

/// A result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResultKind {
    /// The stable code.
    pub code: &'static str,
    /// What happened and what to do next, in Japanese.
    pub ja: &'static str,
    /// The same in English.
    pub en: &'static str,
}

macro_rules! results {
    ($($constant:ident = $code:literal, $ja:literal, $en:literal;)*) => {
        $(#[doc = $en] pub(super) const $constant: &str = $code;)*
        /// Every result but `refused.` with the reason of a verdict.
        pub const RESULTS: &[ResultKind] = &[$(ResultKind { code: $code, ja: $ja, en: $en },)*];
    };
}

results! {
    WATCHED = "watched", "登録しました。", "Registered.";
    ALREADY_WATCHED = "already_watched", "同じ利用目的ですでに登録されています。", "Registered before, for the same purpose.";
    AWAITING_CONFIRMATION = "awaiting_confirmation", "ご本人の確認を待っています。確認されると変更通知で届きます。",
        "Waits for the resident's confirmation. The change stream will tell of it.";
    NOT_LINKED = "not_linked", "この顧客番号はまだひも付いていません。本人確認、署名付きの申込、または照合用の行で送ってください。",
        "This customer id is not linked yet. Do an identity proofing, or send a signed application or a matching line.";
    DUPLICATE_LINE = "duplicate_line", "このファイルの前の行に同じ顧客番号があります。前の行の結果を見てください。",
        "An earlier line of this file has the same customer id. See the result there.";
    MALFORMED = "malformed", "行の形が仕様と違います。行を直して、もう一度送ってください。",
        "The line is not as documented. Correct it and send it again.";
    OBJECTED = "refused.watch.objected", "ご本人が同意に基づく変更確認をやめています。ご本人に連絡してください。",
        "The resident has ended being watched by consent. Ask the resident.";
    OTHER_PURPOSE = "refused.watch.other_purpose", "ほかの利用目的で登録されています。変えるには一件ずつ登録してください。",
        "Registered for another purpose. To change it, register this customer by itself.";
    CUSTOMER_TAKEN = "refused.link.customer_taken", "この顧客番号は別の方にひも付いています。顧客番号を確認してください。",
        "This customer id is linked to another person. Check it.";
    OTHER_CUSTOMER = "refused.link.other_customer", "この方には別の顧客番号がひも付いています。顧客番号を確認してください。",
        "This person is linked under another customer id. Check it.";
    TOO_MANY_ATTEMPTS = "refused.matching.too_many_attempts", "この顧客番号で送られた照合情報の種類が多すぎます。本人確認を行ってください。",
        "Too many different attributes were sent for this customer id. Do an identity proofing.";
    NOT_THIS_DOCUMENT = "refused.application.document", "申込の文面が、この顧客番号・利用目的のものではありません。文面を確認してください。",
        "The application's text is not that of this customer id and purpose. Check the text.";
    APPLICATION_TIME = "refused.application.time", "申込の日時が1年以上前か、未来です。新しい申込を受けてください。",
        "The application is more than a year old, or from the future. Get a new one.";
    UPSTREAM = "refused.upstream.unreachable", "認証局に確認できませんでした。しばらくしてから、この行をもう一度送ってください。",
        "The authority could not be asked. Send this line again a little later.";
}

/// The result for a verdict that did not pass.
pub(super) fn refused(reason: Option<ReasonCode>) -> Cow<'static, str> {
    reason.map_or(Cow::Borrowed(NOT_THIS_DOCUMENT), |reason| {
        format!("refused.{}", reason.code().as_str()).into()
    })
}

/// The words for a result, Japanese and English.
pub(super) fn words(code: &str) -> (Cow<'static, str>, Cow<'static, str>) {
    if let Some(kind) = RESULTS.iter().find(|kind| kind.code == code) {
        return (kind.ja.into(), kind.en.into());
    }
    let reason = code.strip_prefix("refused.").unwrap_or_default();
    ReasonCode::ALL.iter().find(|known| known.code().as_str() == reason).map_or(
        ("この行は受け付けられませんでした。".into(), "This line was refused.".into()),
        |reason| {
            let (ja, en) = (reason.ja(), reason.en());
            (format!("{}{}", ja.what, ja.next).into(), format!("{} {}", en.what, en.next).into())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_has_its_own_code_and_words_in_both_languages() {
        let codes: std::collections::BTreeSet<_> = RESULTS.iter().map(|kind| kind.code).collect();
        assert_eq!(codes.len(), RESULTS.len());
        for kind in RESULTS {
            assert!(!kind.ja.is_ascii() && kind.en.is_ascii(), "{}", kind.code);
        }
        for reason in ReasonCode::ALL {
            let (ja, en) = words(&refused(Some(*reason)));
            assert!(!ja.is_ascii() && en.is_ascii() && en != "This line was refused.", "{}", reason.code());
        }
    }
}
