//! The kinds of event, each with what it means for the resident who reads it. A published name keeps its meaning.

/// A kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditEventKind {
    /// The name in the record.
    pub name: &'static str,
    /// What happened, in Japanese.
    pub ja: &'static str,
    /// What happened, in English.
    pub en: &'static str,
}

macro_rules! audit_events {
    ($($constant:ident = $name:literal, $ja:literal, $en:literal;)*) => {
        $(#[doc = $en] pub const $constant: &str = $name;)*
        /// Every kind of event; [`super::append`] refuses any other.
        pub const AUDIT_EVENTS: &[AuditEventKind] = &[$(AuditEventKind { name: $name, ja: $ja, en: $en },)*];
    };
}

audit_events! {
    IDENTITY_PROOFING_STARTED = "identity_proofing.started", "本人確認が始まりました。", "An identity proofing began.";
    IDENTITY_PROOFING_COMPLETED = "identity_proofing.completed", "本人確認の結果が出ました。", "An identity proofing was judged.";
    ENTITLEMENT_CHECK_STARTED = "entitlement_check.started", "資格確認が始まりました。", "An entitlement check began.";
    ENTITLEMENT_CHECK_COMPLETED = "entitlement_check.completed", "資格確認の結果が出ました。", "An entitlement check was judged.";
    PRESENCE_ENROLLED = "presence.enrolled", "暗証番号でログインしたうえで、次から暗証番号なしで使えるよう（かざし利用）カードを登録しました。", "After signing in with the PIN, the card was enrolled for use without PIN.";
    PRESENCE_JUDGED = "presence.judged", "暗証番号なしでかざされたカードの確認結果が出ました。ログインではありません。", "A card that was held out without PIN was judged. This is no sign-in.";
    PRESENCE_DISPLACED = "presence.displaced", "ほかの人が同じカードを登録したため、カードの暗証番号なしの利用（かざし利用）が終わりました。", "Somebody else enrolled the same card, so its use without PIN ended.";
    PRESENCE_ENDED = "presence.ended", "カードの暗証番号なしの利用（かざし利用）をやめました。", "The card's use without PIN was ended.";
    CHANGE_CHECK_MADE = "change_check.made", "事業者が電子証明書の変更の有無を確認しました。", "A relying party asked whether the certificates have changed.";
    LATEST_ATTRIBUTES_PROVIDED = "latest_attributes.provided", "同意に基づき、最新の基本4情報を事業者に提供しました。", "The latest basic attributes were given to a relying party, by consent.";
    CONSENT_GRANTED = "consent.granted", "最新の基本4情報の提供に同意しました。", "The resident consented to giving the latest basic attributes.";
    CONSENT_WITHDRAWN = "consent.withdrawn", "同意を取り消しました。", "The resident withdrew a consent.";
    CONSENT_REMINDED = "consent.reminded", "年に一度のお知らせ：最新の基本4情報の提供への同意が続いています。ポータルの「同意」からいつでも取り消せます。", "Yearly reminder: a consent to giving the latest basic attributes still stands. It can be withdrawn in the portal at any time.";
    CONSENT_ENDS_SOON = "consent.ends_soon", "最新の基本4情報の提供への同意が、3か月以内に期限を迎えます。続けるときは、事業者であらためて同意してください。", "A consent to giving the latest basic attributes ends within three months. To go on, consent again at the company.";
    CONSENT_ENDED = "consent.ended", "最新の基本4情報の提供への同意が、期限を迎えて終わりました。", "A consent to giving the latest basic attributes came to its end.";
    RELYING_PARTY_REGISTERED = "relying_party.registered", "事業者を登録または更新しました。", "A relying party was registered, or its registration was changed.";
    VALIDATION_POLICY_ADDED = "validation_policy.added", "検証ポリシーを追加しました。", "A validation policy was added.";
    VALIDATION_POLICY_ASSIGNED = "validation_policy.assigned", "事業者に適用する検証ポリシーを定めました。", "A relying party was put under a validation policy.";
    FRESHNESS_CONTRACT_SET = "freshness_contract.set", "事業者が、失効情報の鮮度と障害時の扱いを定めました。", "A relying party set how old evidence may be, and what happens in an outage.";
    ANSWER_CORRECTED = "answer.corrected", "事業者への回答を、後から届いた失効情報に基づいて訂正しました。", "An answer to a relying party was corrected by later evidence.";
    ANSWER_SETTLED = "answer.settled", "失効情報を待っていた回答が確定しました。", "An answer that had waited for evidence was settled.";
    TOKEN_ISSUED = "token.issued", "事業者にアクセストークンを発行しました。", "An access token was issued to a relying party.";
    OFFLINE_FILTER_ALLOWED = "offline_filter.allowed", "事業者に失効情報フィルタ（オフライン確認用）の利用を認めました。", "A relying party was allowed to have offline filters.";
    OFFLINE_FILTER_DENIED = "offline_filter.denied", "事業者の失効情報フィルタ（オフライン確認用）の利用を終わらせました。", "A relying party may no longer have offline filters.";
    OFFLINE_FILTER_BUILT = "offline_filter.built", "失効リストから失効情報フィルタ（オフライン確認用）を作りました。", "An offline filter was made of a revocation list.";
    OFFLINE_FILTER_DOWNLOADED = "offline_filter.downloaded", "事業者が失効情報フィルタ（オフライン確認用）を受け取りました。", "A relying party downloaded an offline filter or a delta.";
    REVOCATION_LIST_TAKEN_IN = "revocation_list.taken_in", "失効リストを取り込みました。", "A revocation list was taken in.";
    CHANGE_EVENT_RECORDED = "change_event.recorded", "電子証明書の変更を記録しました。", "A change of a certificate was recorded.";
    CHANGE_EVENT_REFINED = "change_event.refined", "先に記録した電子証明書の変更の内容がわかり、記録しました。", "What a change that was recorded before means became known and was recorded.";
    STREAM_ENDPOINT_SET = "stream_endpoint.set", "事業者が変更通知の送り先を登録または変更しました。", "A relying party registered or changed where its change stream is sent.";
    STREAM_ENDPOINT_REMOVED = "stream_endpoint.removed", "事業者が変更通知の送り先を取り消しました。", "A relying party removed where its change stream was sent.";
    STREAM_ENDPOINT_SECRET_ROTATED = "stream_endpoint.secret_rotated", "事業者が変更通知の送り先の共有鍵を新しくしました。", "A relying party renewed the shared secret of its endpoint.";
    STREAM_ENDPOINT_RESUMED = "stream_endpoint.resumed", "事業者が変更通知の送信を再開しました。", "A relying party had its change stream sent again.";
    STREAM_ENDPOINT_REPLAYED = "stream_endpoint.replayed", "事業者が変更通知の再送を求めました。", "A relying party asked for entries of its change stream again.";
    STREAM_ENDPOINT_STOPPED = "stream_endpoint.stopped", "送り先が受け取れないため、変更通知の送信を止めました。通知は失われていません。", "Sending of a change stream stopped because its receiver does not take it. Nothing is lost.";
    STREAM_CONFIGURED = "stream.configured", "事業者が変更通知の受け取り方を登録または変更しました。", "A relying party registered or changed how it receives its change stream.";
    STREAM_REMOVED = "stream.removed", "事業者が変更通知の受け取り方の登録を取り消しました。", "A relying party removed how it receives its change stream.";
    STREAM_VERIFICATION_ASKED = "stream.verification_asked", "事業者が変更通知の疎通確認を求めました。", "A relying party asked for a sign of life of its change stream.";
    WATCHING_BEGUN = "watching.begun", "事業者が、あなたを変更確認の対象として登録しました。", "A relying party registered you for the change check.";
    WATCHING_CHANGED = "watching.changed", "事業者が、変更確認の利用目的または根拠を変えました。", "A relying party changed the purpose or the basis of the change check.";
    WATCHING_ENDED = "watching.ended", "事業者が、変更確認の登録をやめました。", "A relying party ended the change check.";
    WATCHING_OBJECTED = "watching.objected", "同意に基づく変更確認をやめました。", "The resident ended a change check by consent.";
    WATCHING_OBJECTION_TAKEN_BACK = "watching.objection_taken_back", "同意に基づく変更確認の登録を、ふたたび受け付けるようにしました。", "The resident allows change checks by consent again.";
    WATCHING_APPLICATION_JUDGED = "watching.application_judged", "変更確認の申込（本人の署名付き）を検証しました。", "A signed application for the change check was judged.";
    BULK_REGISTRATION_BEGUN = "bulk_registration.begun", "事業者が変更確認の一括登録を始めました。", "A relying party began a bulk registration.";
    BULK_REGISTRATION_TAKEN = "bulk_registration.taken", "一括登録の一部を受け付けました。", "A part of a bulk registration was taken.";
    BULK_REGISTRATION_ENDED = "bulk_registration.ended", "一括登録が終わりました。", "A bulk registration ended.";
    MATCHING_SEARCHED = "matching.searched", "あなたをお客さまとして登録している事業者を、署名して探しました。", "The resident searched, by signature, for companies that have them as a customer.";
    MATCHING_CONFIRMED = "matching.confirmed", "事業者のお客さまであることを認めました。", "The resident confirmed being a company's customer.";
    MATCHING_REFUSED = "matching.refused", "事業者のお客さまではないと答えました。", "The resident answered not to be a company's customer.";
    SUCCESSION_FOLLOWED = "succession.followed", "新しい電子証明書を、これまでの登録に引き継ぎました。", "A new certificate was taken over into the existing registrations.";
    SESSION_OPENED = "session.opened", "ポータルにログインしました。", "The resident signed in to the portal.";
    SESSION_CLOSED = "session.closed", "ポータルからログアウトしました。", "The resident signed out of the portal.";
    CONSOLE_OPENED = "console.opened", "運用者が管理画面にサインインしました。", "The operator signed in to the console.";
    CONSOLE_CLOSED = "console.closed", "運用者が管理画面からサインアウトしました。", "The operator signed out of the console.";
    USAGE_DOWNLOADED = "usage.downloaded", "運用者が月次レポートをダウンロードしました。", "The operator downloaded a monthly report.";
}
