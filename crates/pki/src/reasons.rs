//! What a person is told: for every reason a plain text of what happened and what to do next, in Japanese and
//! English. Codes, once published, keep their meaning.

use std::fmt;
use std::str::FromStr;

use musubi_kernel::ErrorCode;
use serde::Serialize;
use serde::ser::SerializeStruct;

/// What happened, and what the person can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ReasonText {
    /// What happened.
    pub what: &'static str,
    /// What to do next.
    pub next: &'static str,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal {
        ja: $ja_what:literal, $ja_next:literal;
        en: $en_what:literal, $en_next:literal;
    })*) => {
        /// Why a verdict is not TOTAL-PASSED. In JSON: the code with its texts in both languages.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ReasonCode { $($(#[$doc])* $name,)* }

        impl ReasonCode {
            /// Every reason.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The dotted code.
            #[must_use]
            pub fn code(self) -> ErrorCode {
                match self { $(Self::$name => ErrorCode($code)),* }
            }

            /// The text in Japanese.
            #[must_use]
            pub fn ja(self) -> ReasonText {
                match self { $(Self::$name => ReasonText { what: $ja_what, next: $ja_next }),* }
            }

            /// The text in English.
            #[must_use]
            pub fn en(self) -> ReasonText {
                match self { $(Self::$name => ReasonText { what: $en_what, next: $en_next }),* }
            }
        }
    };
}

reasons! {
    /// The signature or the digest does not belong to the document.
    SignatureTampered = "signature.tampered" {
        ja: "電子署名が、署名した文書の内容と一致しません。文書か署名が途中で書き換えられたおそれがあります。",
            "手続きを最初からやり直し、もう一度署名してください。くり返し起きるときは、申込先へお問い合わせください。";
        en: "The electronic signature does not match the document. The document or the signature may have been altered on the way.",
            "Start again from the beginning and sign once more. If it keeps happening, contact the service you applied to.";
    }
    /// The application's basic attributes are not the certificate's.
    AttributesMismatch = "attributes.mismatch" {
        ja: "入力された氏名・住所・生年月日・性別のいずれかが、署名用電子証明書の記載と一致しません。",
            "マイナンバーカードの記載どおりに入力し直してください。引っ越しや改姓の直後は、市区町村の窓口でカードと電子証明書を更新してからお申し込みください。";
        en: "The name, address, date of birth or sex that was entered differs from the digital-signature certificate.",
            "Enter them again exactly as on your My Number Card. If you have just moved or changed your name, have the card and its certificate updated at your municipality first.";
    }
    /// The validity period is over.
    CertificateExpired = "certificate.expired" {
        ja: "電子証明書の有効期限が切れています。",
            "お住まいの市区町村の窓口で電子証明書を更新してから、もう一度お試しください。";
        en: "The electronic certificate has expired.",
            "Renew the certificate at your municipality's counter, then try again.";
    }
    /// The validity period has not begun.
    CertificateNotYetValid = "certificate.not_yet_valid" {
        ja: "電子証明書の有効期間がまだ始まっていません。",
            "有効期間の開始日時を過ぎてから、もう一度お試しください。";
        en: "The electronic certificate is not valid yet.",
            "Try again after the start of its validity period.";
    }
    /// Revoked for any reason but a hold.
    CertificateRevoked = "certificate.revoked" {
        ja: "この電子証明書は失効しています。引っ越しや改姓、カードの更新や返納などで失効し、元に戻ることはありません。",
            "お住まいの市区町村の窓口で新しい電子証明書の発行を受けてから、もう一度お試しください。";
        en: "This electronic certificate has been revoked, for example after a move, a change of name, a renewal or the return of the card. A revocation is final.",
            "Have a new certificate issued at your municipality's counter, then try again.";
    }
    /// Revoked as `certificateHold`. The JPKI never releases a hold.
    CertificateHeld = "certificate.held" {
        ja: "カードの紛失などの届出により、この電子証明書は一時保留になっています。一時保留は解除されないため、この電子証明書は今後も使えません。",
            "カードが見つかった場合も、お住まいの市区町村の窓口で新しい電子証明書の発行を受けてください。届出に心当たりがないときは、マイナンバー総合フリーダイヤルへご連絡ください。";
        en: "This electronic certificate is on hold, for example because the card was reported lost. A hold is never released, so this certificate cannot be used again.",
            "Even if the card has been found, have a new certificate issued at your municipality's counter. If you reported nothing, call the My Number helpline.";
    }
    /// Not issued by an authority that is trusted here.
    CertificateOtherAuthority = "certificate.other_authority" {
        ja: "この電子証明書は、ここで受け付けている公的個人認証サービスの認証局が発行したものと確認できません。",
            "ご本人のマイナンバーカードをお使いください。テスト用のカードやほかの電子証明書は使えません。";
        en: "This certificate could not be confirmed as issued by the JPKI authority that is accepted here.",
            "Use your own My Number Card. Test cards and other certificates are not accepted.";
    }
    /// The other kind of certificate was expected.
    CertificateWrongKind = "certificate.wrong_kind" {
        ja: "この手続きに必要な種類の電子証明書ではありません（署名用と利用者証明用は別のものです）。",
            "画面の案内に従って、もう一度カードを読み取ってください。署名には6～16桁の署名用パスワード、ログインには4桁の暗証番号を使います。";
        en: "This is not the kind of certificate that this procedure needs (the digital-signature and the user-authentication certificate are different).",
            "Follow the instructions on the screen and read your card again: signing takes the signing password of 6 to 16 characters, signing in takes the 4-digit PIN.";
    }
    /// The certificate cannot be read, or departs from its profile.
    CertificateMalformed = "certificate.malformed" {
        ja: "電子証明書を正しく読み取れませんでした。データが壊れているか、定められた形式ではありません。",
            "カードを置き直して、もう一度読み取ってください。くり返し起きるときは、お住まいの市区町村の窓口でカードを確認してもらってください。";
        en: "The electronic certificate could not be read. Its data are damaged or not in the required form.",
            "Place the card again and read it once more. If it keeps happening, have the card checked at your municipality's counter.";
    }
    /// An algorithm or key length that is no longer accepted.
    CertificateWeakAlgorithm = "certificate.weak_algorithm" {
        ja: "この電子証明書の暗号方式または鍵の長さは、安全と認められていません。",
            "お住まいの市区町村の窓口で新しい電子証明書の発行を受けてから、もう一度お試しください。";
        en: "The algorithm or the key length of this certificate is not accepted as secure.",
            "Have a new certificate issued at your municipality's counter, then try again.";
    }
    /// The signature's own structure is wrong.
    SignatureMalformed = "signature.malformed" {
        ja: "電子署名の構造が規格に合っていないか、壊れています。",
            "文書を受け取り直すか、作成者に署名のやり直しを依頼してください。";
        en: "The structure of the electronic signature is damaged or not as its standard requires.",
            "Obtain the document again, or ask its author to sign once more.";
    }
    /// The signature does not protect what a reader sees.
    SignatureCoverage = "signature.coverage" {
        ja: "電子署名が文書の全体を保護していません。署名されていない部分は、だれでも書き換えられます。",
            "署名のない部分を信用せず、作成者に文書全体への署名を依頼してください。";
        en: "The electronic signature does not protect the whole document. Anyone could have altered the rest.",
            "Do not rely on the unsigned part; ask the author to sign the whole document.";
    }
    /// The document was changed after signing, in a way that a signature does not allow for.
    DocumentChanged = "document.changed_after_signing" {
        ja: "署名のあとで文書に変更が加えられています。",
            "署名された時点の内容を確認し、必要なら作成者に署名のやり直しを依頼してください。";
        en: "The document was changed after it had been signed.",
            "Compare it with what was signed; if needed, ask the author to sign once more.";
    }
    /// No path leads to a trusted authority.
    CertificateUntrusted = "certificate.untrusted" {
        ja: "署名者の電子証明書から、信頼する認証局までをたどれません。",
            "信頼する認証局の指定を確認してください。それでもたどれないときは、この署名を信用しないでください。";
        en: "No path leads from the signer's certificate to an authority that is trusted here.",
            "Check which authorities you trust. If there is still no path, do not rely on this signature.";
    }
    /// A certificate of the path may not be used in this way.
    CertificateConstraints = "certificate.constraints" {
        ja: "電子証明書か、それを発行した認証局の証明書が、この使い方を認めていません。",
            "署名者に、この用途に使える電子証明書での署名を依頼してください。";
        en: "The certificate, or that of an authority above it, does not permit this use.",
            "Ask the signer to sign with a certificate that is meant for this purpose.";
    }
    /// A time-stamp is not what it should be.
    TimestampInvalid = "timestamp.invalid" {
        ja: "文書のタイムスタンプが正しくないか、信頼する時刻認証局のものと確認できません。",
            "信頼する時刻認証局の指定を確認してください。正しくないときは、その時刻を信用しないでください。";
        en: "A time-stamp of the document is wrong, or could not be confirmed as one of a trusted authority.",
            "Check which time-stamping authorities you trust. If it is wrong, do not rely on its time.";
    }
    /// It would have cost more work than is spent on one signature.
    TooComplex = "signature.too_complex" {
        ja: "検証に必要な処理が上限を超えたため、判断を打ち切りました。悪意のある文書か証明書のおそれがあります。",
            "出どころの確かな文書であれば、運用者にお問い合わせください。";
        en: "Judging this would take more work than is allowed for, so it was stopped. The document or a certificate may be hostile.",
            "If you are sure of where the document comes from, contact the operator.";
    }
    /// The signature was made for another web site.
    OriginWrong = "origin.wrong" {
        ja: "この署名は、別のウェブサイトの求めで作られたものです。偽のサイトに誘導されたおそれがあります。",
            "お使いのページを閉じ、正しいサイトのアドレスを自分で開いて、最初からやり直してください。";
        en: "This signature was made for another web site. You may have been led to a fake site.",
            "Close that page, open the right site's address yourself and start again.";
    }
    /// No card is enrolled for presence with this certificate at this relying party.
    PresenceNotEnrolled = "presence.not_enrolled" {
        ja: "このカードは、このサービスでの暗証番号なしの利用（かざし利用）に登録されていません。電子証明書を更新したときや、登録をやめたときも、登録はなくなります。",
            "一度、暗証番号でログインし、そのときに「暗証番号なしで利用する」を選んで登録してください。";
        en: "This card is not enrolled for use without PIN at this service. An enrolment also ends when the certificate is renewed or when you end it.",
            "Sign in once with your PIN and choose to use the card without PIN from then on.";
    }
    /// The signature is not the enrolled card's over this transaction's text and this certificate.
    PresenceNotProven = "presence.not_proven" {
        ja: "かざされたカードの応答を、登録されたカードのものと確認できませんでした。カードが違うか、応答が別の手続きのものか、途中で書き換えられたおそれがあります。",
            "登録したカードをもう一度かざしてください。それでもできないときは、暗証番号でログインして登録し直してください。";
        en: "The answer could not be confirmed as that of the enrolled card. It is another card, an answer to another transaction, or it was altered on the way.",
            "Hold out the card that you enrolled once more. If it still fails, sign in with your PIN and enrol it again.";
    }
    /// Nobody vouches for the card key that was to be enrolled.
    PresenceNotGenuine = "presence.not_genuine" {
        ja: "カードが本物であることを示す記録を確認できなかったため、暗証番号なしの利用（かざし利用）に登録できませんでした。ログインには影響ありません。",
            "暗証番号でのログインは続けて使えます。くり返し起きるときは、お住まいの市区町村の窓口でカードを確認してもらってください。";
        en: "The record that shows the card to be genuine could not be confirmed, so it was not enrolled for use without PIN. Signing in is not affected.",
            "Go on signing in with your PIN. If it keeps happening, have the card checked at your municipality's counter.";
    }
    /// The card window gave nothing to enrol.
    PresenceNotOffered = "presence.not_offered" {
        ja: "カードから登録に必要な記録を受け取らなかったため、暗証番号なしの利用（かざし利用）に登録していません。ログインには影響ありません。",
            "登録するには、もう一度暗証番号でログインし、カードの画面で登録を選んでください。";
        en: "The card's record that enrolling needs was not received, so the card was not enrolled for use without PIN. Signing in is not affected.",
            "To enrol it, sign in with your PIN again and agree to it in the card window.";
    }
    /// Nothing is known about revocation.
    UpstreamUnreachable = "upstream.unreachable" {
        ja: "認証局に失効情報を確認できないため、電子証明書が有効かどうかを判断できません。電子証明書に問題があるとは限りません。",
            "しばらく待ってから、もう一度お試しください。";
        en: "The authority's revocation information is not available, so it cannot be told whether the certificate is valid. Nothing need be wrong with it.",
            "Wait a while and try again.";
    }
    /// What is known about revocation is not recent enough.
    RevocationListTooOld = "revocation_list.too_old" {
        ja: "手元の失効情報が、判断に使える新しさではありません。電子証明書が有効かどうかを判断できません。",
            "新しい失効情報が届くまでしばらく待ってから、もう一度お試しください。";
        en: "The revocation information at hand is not recent enough to tell whether the certificate is valid.",
            "Wait until newer information has arrived, then try again.";
    }
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code().as_str())
    }
}

/// A text that is no reason code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reason code")]
pub struct UnknownReason;

impl FromStr for ReasonCode {
    type Err = UnknownReason;

    fn from_str(text: &str) -> Result<Self, UnknownReason> {
        Self::ALL.iter().copied().find(|reason| reason.code().as_str() == text).ok_or(UnknownReason)
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Reason", 3)?;
        out.serialize_field("code", self.code().as_str())?;
        out.serialize_field("ja", &self.ja())?;
        out.serialize_field("en", &self.en())?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_code_of_its_own_and_four_texts() {
        for reason in ReasonCode::ALL {
            assert_eq!(reason.to_string().parse(), Ok(*reason));
            for text in [reason.ja().what, reason.ja().next] {
                assert!(text.ends_with('。'), "{text}");
            }
            for text in [reason.en().what, reason.en().next] {
                assert!(text.ends_with('.') && text.is_ascii(), "{text}");
            }
        }
        assert_eq!(ReasonCode::ALL.len(), 24);
        assert_eq!("certificate.good".parse::<ReasonCode>(), Err(UnknownReason));
    }
}
