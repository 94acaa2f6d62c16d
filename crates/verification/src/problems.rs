//! The problems of this crate's routes. A verdict is never one of them.

use musubi_httpkit::{Problem, ProblemKind, Text, internal};

use crate::change_check;
use crate::freshness::ContractError;
use crate::offline_filter;
use crate::outcome::TransactionError;
use crate::watching::problems as watching;

/// Every kind in this module, for the reference.
pub const PROBLEMS: &[&ProblemKind] = &[
    &TRANSACTION_UNKNOWN,
    &TRANSACTION_EXPIRED,
    &NONCE_REPLAYED,
    &FIELD_INVALID,
    &ORIGIN_NOT_REGISTERED,
    &PRESENCE_OFF,
    &CUSTOMER_TAKEN,
    &CUSTOMER_UNKNOWN,
    &CONSENT_NONE,
    &LATEST_NONE_NEWER,
    &UPSTREAM_UNREACHABLE,
    &OFFLINE_FILTER_NOT_ALLOWED,
    &OFFLINE_FILTER_UNKNOWN,
    &FRESHNESS_TOO_LENIENT,
    &watching::NOT_LINKED,
    &watching::NOT_WATCHED,
    &watching::OBJECTED,
    &watching::BULK_UNKNOWN,
    &watching::BULK_ENDED,
    &watching::BULK_OFFSET,
    &watching::BULK_LENGTH,
    &watching::BULK_TOO_MANY,
    &watching::BULK_CONTENT,
];

/// No such transaction of the calling relying party.
pub static TRANSACTION_UNKNOWN: ProblemKind = ProblemKind::new(
    "transaction.unknown",
    404,
    "No such transaction",
    Text::new("この手続きは見つかりません。", "IDを確認するか、手続きを最初からやり直してください。"),
    Text::new("There is no such transaction.", "Check the identifier, or start again."),
);

/// Fifteen minutes have passed.
pub static TRANSACTION_EXPIRED: ProblemKind = ProblemKind::new(
    "transaction.expired",
    410,
    "The transaction has expired",
    Text::new("手続きの有効時間（15分）が過ぎました。", "手続きを最初からやり直してください。"),
    Text::new("The transaction's fifteen minutes are over.", "Start again."),
);

/// The nonce was used: the transaction is completed.
pub static NONCE_REPLAYED: ProblemKind = ProblemKind::new(
    "nonce.replayed",
    409,
    "The response was used before",
    Text::new(
        "このカードの応答はすでに一度使われています。同じ応答を二度使うことはできません。",
        "心当たりがない場合は、もう一度最初からログインし直し、利用履歴を確認してください。",
    ),
    Text::new(
        "This answer of the card was used before. One answer cannot be used twice.",
        "Start again from the beginning; if you did not do this, look at your usage history.",
    ),
);

/// A field is out of its bounds. The member `field` names it.
pub static FIELD_INVALID: ProblemKind = ProblemKind::new(
    "request.field_invalid",
    422,
    "A field is not as it must be",
    Text::new(
        "項目の値が正しくありません。",
        "fieldにある項目をAPI仕様のとおりに直して、もう一度送ってください。",
    ),
    Text::new(
        "The value of a field is not as it must be.",
        "Correct the one that `field` names as the API reference says.",
    ),
);

/// The origin is not one that the relying party registered.
pub static ORIGIN_NOT_REGISTERED: ProblemKind = ProblemKind::new(
    "origin.not_registered",
    422,
    "The origin is not registered",
    Text::new(
        "このオリジンは登録されていません。",
        "登録済みのオリジンを使うか、運用者に登録を依頼してください。",
    ),
    Text::new(
        "This origin is not registered.",
        "Use a registered origin, or ask the operator to register it.",
    ),
);

/// The operator has named no authority of cards.
pub static PRESENCE_OFF: ProblemKind = ProblemKind::new(
    "presence.off",
    422,
    "No use without PIN here",
    Text::new(
        "このプラットフォームでは、暗証番号なしの利用（かざし利用）を受け付けていません。",
        "assuranceとenrol_presenceを付けずに、暗証番号での手続きを始めてください。",
    ),
    Text::new(
        "This platform does not take cards without PIN.",
        "Start a check with PIN: leave out `assurance` and `enrol_presence`.",
    ),
);

/// The customer id is already linked to somebody else.
pub static CUSTOMER_TAKEN: ProblemKind = ProblemKind::new(
    "link.customer_taken",
    409,
    "The customer id is linked to another person",
    Text::new(
        "この顧客番号は別の方にひも付いています。",
        "顧客番号を確認し、新しい番号で手続きをやり直してください。",
    ),
    Text::new("This customer id is linked to another person.", "Check it, and start again with a new one."),
);

/// No person is linked to this customer id.
pub static CUSTOMER_UNKNOWN: ProblemKind = ProblemKind::new(
    "link.unknown",
    404,
    "No such customer",
    Text::new(
        "この顧客番号にひも付いた方はいません。",
        "顧客番号を確認するか、先に本人確認を行ってください。",
    ),
    Text::new("Nobody is linked to this customer id.", "Check it, or do an identity proofing first."),
);

/// The resident gave no consent, or it ended.
pub static CONSENT_NONE: ProblemKind = ProblemKind::new(
    "consent.none",
    403,
    "No consent",
    Text::new(
        "最新の基本4情報の提供について、ご本人の有効な同意がありません。",
        "ご本人に同意をお願いするか、別の方法で確認してください。",
    ),
    Text::new(
        "There is no valid consent of the resident to receive the latest attributes.",
        "Ask the resident for consent, or find out in another way.",
    ),
);

/// The authority has nothing newer.
pub static LATEST_NONE_NEWER: ProblemKind = ProblemKind::new(
    "latest_attributes.none_newer",
    404,
    "Nothing newer",
    Text::new(
        "前回より新しい情報はまだありません。",
        "新しい署名用電子証明書が発行された後で、もう一度試してください。",
    ),
    Text::new("There is nothing newer yet.", "Try again after a new signing certificate was issued."),
);

/// The authority did not answer.
pub static UPSTREAM_UNREACHABLE: ProblemKind = ProblemKind::new(
    "upstream.unreachable",
    503,
    "The authority cannot be reached",
    Text::new(
        "認証局に接続できません。何も変更されていません。",
        "しばらくしてから、もう一度お試しください。",
    ),
    Text::new("The authority cannot be reached. Nothing was changed.", "Try again a little later."),
);

/// The operator has not allowed this relying party to have offline filters.
pub static OFFLINE_FILTER_NOT_ALLOWED: ProblemKind = ProblemKind::new(
    "offline_filter.not_allowed",
    403,
    "Offline filters are not allowed",
    Text::new(
        "失効情報フィルタ（オフライン確認用）の利用が認められていません。",
        "避難所や病院などでオフラインの確認が必要な場合は、プラットフォームの運用者に申し込んでください。",
    ),
    Text::new(
        "You are not allowed to have offline filters.",
        "If you must check certificates without a network, ask the platform's operator.",
    ),
);

/// No filter or delta with this id, or no more.
pub static OFFLINE_FILTER_UNKNOWN: ProblemKind = ProblemKind::new(
    "offline_filter.unknown",
    404,
    "No such offline filter",
    Text::new(
        "この失効情報フィルタは見つかりません。新しいものに置き換わった可能性があります。",
        "GET /v1/offline-filters で今あるものを確認し、差分がつながらない場合は全体を取得してください。",
    ),
    Text::new(
        "There is no such offline filter; a newer one may have taken its place.",
        "See what there is with GET /v1/offline-filters, and fetch the whole filter if no delta begins at yours.",
    ),
);

impl From<offline_filter::Refused> for Problem {
    fn from(error: offline_filter::Refused) -> Self {
        match error {
            offline_filter::Refused::NotAllowed => Self::new(&OFFLINE_FILTER_NOT_ALLOWED),
            offline_filter::Refused::Unknown => Self::new(&OFFLINE_FILTER_UNKNOWN),
            offline_filter::Refused::Store(error) => internal(&error),
        }
    }
}

/// The contract would let evidence be older than the platform allows. The member `most` says how old that is.
pub static FRESHNESS_TOO_LENIENT: ProblemKind = ProblemKind::new(
    "freshness_contract.too_lenient",
    422,
    "Older evidence than the platform allows",
    Text::new(
        "指定した鮮度は、このプラットフォームが認める上限より古い失効情報を認めるものです。取決めは変わっていません。",
        "max_age_secondsをmost（秒）以下にして、もう一度送ってください。",
    ),
    Text::new(
        "This contract would let evidence be older than the platform allows. Nothing was changed.",
        "Send it again with `max_age_seconds` of at most `most`.",
    ),
);

impl From<ContractError> for Problem {
    fn from(error: ContractError) -> Self {
        match error {
            ContractError::Field(field) => Self::new(&FIELD_INVALID).with("field", field),
            ContractError::TooLenient { most } => Self::new(&FRESHNESS_TOO_LENIENT).with("most", most),
            ContractError::UnknownRelyingParty | ContractError::Store(_) => internal(&error),
        }
    }
}

impl From<TransactionError> for Problem {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Unknown => Self::new(&TRANSACTION_UNKNOWN),
            TransactionError::Expired => Self::new(&TRANSACTION_EXPIRED),
            TransactionError::Replayed => Self::new(&NONCE_REPLAYED),
            TransactionError::Field(field) => Self::new(&FIELD_INVALID).with("field", field),
            TransactionError::Origin => Self::new(&ORIGIN_NOT_REGISTERED),
            TransactionError::PresenceOff => Self::new(&PRESENCE_OFF),
            TransactionError::CustomerTaken => Self::new(&CUSTOMER_TAKEN),
            TransactionError::Outdated => internal(&error),
            TransactionError::Store(error) => internal(&error),
        }
    }
}

impl From<change_check::Error> for Problem {
    fn from(error: change_check::Error) -> Self {
        match error {
            change_check::Error::Field => Self::new(&FIELD_INVALID).with("field", "customer_id"),
            change_check::Error::UnknownCustomer => Self::new(&CUSTOMER_UNKNOWN),
            change_check::Error::NoConsent => Self::new(&CONSENT_NONE),
            change_check::Error::NoneNewer => Self::new(&LATEST_NONE_NEWER),
            change_check::Error::Upstream(_) => Self::new(&UPSTREAM_UNREACHABLE),
            change_check::Error::Store(error) => internal(&error),
        }
    }
}
