//! The problems of watching.

use musubi_httpkit::{Problem, ProblemKind, Text, internal};

use super::WatchError;

/// Nobody is linked to this customer id, so that there is nobody to watch.
pub static NOT_LINKED: ProblemKind = ProblemKind::new(
    "watch.not_linked",
    404,
    "The customer is not linked",
    Text::new(
        "この顧客番号は、まだどの方ともひも付いていません。",
        "本人確認(/v1/identity-proofings)を行うか、一括登録(/v1/bulk-registrations)で、本人が署名した申込または照合用のファイルを送ってください。",
    ),
    Text::new(
        "Nobody is linked to this customer id yet.",
        "Do an identity proofing (/v1/identity-proofings), or send a signed application or a matching file (/v1/bulk-registrations).",
    ),
);

/// The customer is not watched.
pub static NOT_WATCHED: ProblemKind = ProblemKind::new(
    "watch.none",
    404,
    "The customer is not watched",
    Text::new(
        "この顧客は変更確認に登録されていません。",
        "登録するには、利用目的と根拠を付けてPUTで送ってください。",
    ),
    Text::new(
        "This customer is not registered for the change check.",
        "To register them, send PUT with purpose and basis.",
    ),
);

/// The resident objected in the portal.
pub static OBJECTED: ProblemKind = ProblemKind::new(
    "watch.objected",
    409,
    "The resident objected",
    Text::new(
        "ご本人が、同意に基づく変更確認をポータルでやめています。",
        "ご本人に連絡し、ポータルで再開してもらうか、ほかの根拠がある場合はその根拠で登録してください。",
    ),
    Text::new(
        "The resident has ended being watched by consent.",
        "Ask the resident to allow it again in the portal, or register on another basis if there is one.",
    ),
);

/// No such upload of the calling relying party.
pub static BULK_UNKNOWN: ProblemKind = ProblemKind::new(
    "bulk.unknown",
    404,
    "No such bulk registration",
    Text::new("この一括登録は見つかりません。", "IDを確認するか、新しい一括登録を始めてください。"),
    Text::new("There is no such bulk registration.", "Check the identifier, or begin a new one."),
);

/// The upload has ended.
pub static BULK_ENDED: ProblemKind = ProblemKind::new(
    "bulk.ended",
    409,
    "The bulk registration has ended",
    Text::new(
        "この一括登録はすでに終わっています。",
        "結果を確認してください。続きがある場合は、新しい一括登録を始めてください。",
    ),
    Text::new(
        "This bulk registration has ended.",
        "Read its results; if there is more to register, begin a new one.",
    ),
);

/// The bytes do not begin where the last ones ended (draft-ietf-httpbis-resumable-upload, "mismatching upload offset").
pub static BULK_OFFSET: ProblemKind = ProblemKind::new(
    "bulk.offset",
    409,
    "The offset does not match",
    Text::new(
        "送られたデータの開始位置が、受け取り済みの位置と違います。",
        "expected_offsetの位置から送り直してください。",
    ),
    Text::new(
        "The bytes do not begin where those that were received end.",
        "Send again from the offset in `expected_offset`.",
    ),
);

/// More bytes, or another length, than was said at the start.
pub static BULK_LENGTH: ProblemKind = ProblemKind::new(
    "bulk.length",
    400,
    "The length does not match",
    Text::new(
        "データの長さが、最初に伝えられた長さと違います。受け取り済みの行の結果は有効です。",
        "ファイルを確認し、新しい一括登録を始めてください。",
    ),
    Text::new(
        "The length of the content differs from the one that was announced. Lines taken so far count.",
        "Check the file, and begin a new bulk registration.",
    ),
);

/// Too many open uploads.
pub static BULK_TOO_MANY: ProblemKind = ProblemKind::new(
    "bulk.too_many",
    429,
    "Too many open bulk registrations",
    Text::new(
        "同時に開ける一括登録の数を超えています。",
        "開いている一括登録を終えるか取り消してから、もう一度始めてください。",
    ),
    Text::new(
        "There are too many open bulk registrations.",
        "Complete or cancel one of them, and begin again.",
    ),
);

/// A body that is compressed, or not of the type that partial uploads have.
pub static BULK_CONTENT: ProblemKind = ProblemKind::new(
    "bulk.content",
    415,
    "Content cannot be taken like this",
    Text::new(
        "この形のデータは受け付けられません。圧縮したデータは送れません。",
        "Content-Type: application/partial-upload を付け、圧縮せずに送ってください。",
    ),
    Text::new(
        "Content of this kind is not taken. It must not be compressed.",
        "Send it with Content-Type: application/partial-upload, and uncompressed.",
    ),
);

impl From<WatchError> for Problem {
    fn from(error: WatchError) -> Self {
        match error {
            WatchError::NotLinked => Self::new(&NOT_LINKED),
            WatchError::NotWatched => Self::new(&NOT_WATCHED),
            WatchError::Objected => Self::new(&OBJECTED),
            WatchError::Store(error) => internal(&error),
        }
    }
}
