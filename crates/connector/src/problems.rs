//! Why the card window does not answer.

use musubi_httpkit::{ProblemKind, Text};

/// Every kind in this module, for the reference.
pub const PROBLEMS: &[&ProblemKind] = &[
    &PAIRING_NEEDED,
    &APPROVAL_NEEDED,
    &ORIGIN_MISMATCH,
    &PIN_WRONG,
    &PIN_BLOCKED,
    &PIN_LAST_TRY,
    &NO_SERVICE,
    &NO_READER,
    &CARD_NONE,
    &CARD_REMOVED,
    &CARD_IN_USE,
    &CARD_UNRESPONSIVE,
    &CARD_WRONG,
    &APPLICATION_ABSENT,
    &CERTIFICATE_ABSENT,
];

/// The PIN or the signing password is wrong. The member `tries_left` says how many tries are left.
pub(crate) static PIN_WRONG: ProblemKind = ProblemKind::new(
    "pin.wrong",
    403,
    "Wrong PIN",
    Text::new("暗証番号が違います。", "残りの回数を確かめて、正しい暗証番号をもう一度入力してください。"),
    Text::new("The PIN is wrong.", "See how many tries are left and enter the right PIN."),
);

/// No tries are left.
pub(crate) static PIN_BLOCKED: ProblemKind = ProblemKind::new(
    "pin.blocked",
    403,
    "PIN blocked",
    Text::new(
        "続けて間違えたため、暗証番号がロックされています。",
        "お住まいの市区町村の窓口で、暗証番号の初期化と再設定をしてください。",
    ),
    Text::new(
        "The PIN is blocked after too many wrong tries.",
        "Go to the counter of your municipality and have the PIN reset.",
    ),
);

/// The last try is left, and the holder has not said that it may be spent. The card was not asked.
pub(crate) static PIN_LAST_TRY: ProblemKind = ProblemKind::new(
    "pin.last_try",
    403,
    "Only the last try is left",
    Text::new(
        "残りはあと1回です。次に間違えると、暗証番号がロックされます。カードにはまだ送っていません。",
        "正しい暗証番号が確かなときだけ、確認の欄にチェックを入れて、もう一度送ってください。",
    ),
    Text::new(
        "Only one try is left: another mistake blocks the PIN. Nothing was sent to the card.",
        "If you are sure of your PIN, tick the box that says so and send it again.",
    ),
);

/// The smart-card service of the computer does not run.
pub(crate) static NO_SERVICE: ProblemKind = ProblemKind::new(
    "card.no_service",
    409,
    "No smart-card service",
    Text::new(
        "パソコンのスマートカードのサービスが動いていません。",
        "サービス（Linux では pcscd）を起動してから、もう一度操作してください。",
    ),
    Text::new(
        "The smart-card service of this computer does not run.",
        "Start it (on Linux: pcscd) and try again.",
    ),
);

/// No reader is connected.
pub(crate) static NO_READER: ProblemKind = ProblemKind::new(
    "card.no_reader",
    409,
    "No card reader",
    Text::new(
        "カードリーダーがつながっていません。",
        "カードリーダーをパソコンにつないで、もう一度操作してください。",
    ),
    Text::new("No card reader is connected.", "Connect a card reader to this computer and try again."),
);

/// No card is on the reader.
pub(crate) static CARD_NONE: ProblemKind = ProblemKind::new(
    "card.none",
    409,
    "No card on the reader",
    Text::new(
        "カードが読み取り機に置かれていません。",
        "カードを読み取り機に置いてから、もう一度操作してください。",
    ),
    Text::new("There is no card on the reader.", "Put the card on the reader and try again."),
);

/// The card was taken away while it was asked.
pub(crate) static CARD_REMOVED: ProblemKind = ProblemKind::new(
    "card.removed",
    409,
    "Card removed",
    Text::new(
        "途中でカードが読み取り機から離れました。",
        "カードを置き直し、終わるまで動かさずに、もう一度操作してください。",
    ),
    Text::new(
        "The card was taken off the reader before it was done.",
        "Put it back, leave it there until the end and try again.",
    ),
);

/// Another program holds the card.
pub(crate) static CARD_IN_USE: ProblemKind = ProblemKind::new(
    "card.in_use",
    409,
    "Card in use",
    Text::new(
        "ほかのプログラムがカードを使っています。",
        "ほかのプログラムの操作が終わるのを待って、もう一度操作してください。",
    ),
    Text::new("Another program is using the card.", "Wait until it is done, or close it, and try again."),
);

/// What is on the reader does not answer as a card does.
pub(crate) static CARD_UNRESPONSIVE: ProblemKind = ProblemKind::new(
    "card.unresponsive",
    409,
    "Card does not answer",
    Text::new("カードが応答しません。", "カードの向きを確かめ、置き直してから、もう一度操作してください。"),
    Text::new(
        "The card does not answer.",
        "Check which way round it lies, put it on the reader again and try again.",
    ),
);

/// A card of another kind is on the reader.
pub(crate) static CARD_WRONG: ProblemKind = ProblemKind::new(
    "card.wrong",
    409,
    "Not a My Number Card",
    Text::new(
        "置かれているカードはマイナンバーカードではありません。",
        "マイナンバーカードに置き換えて、もう一度操作してください。",
    ),
    Text::new(
        "This is not a My Number Card.",
        "Put your My Number Card on the reader instead and try again.",
    ),
);

/// The carrier lacks the application: a phone has no 券面事項入力補助AP.
pub(crate) static APPLICATION_ABSENT: ProblemKind = ProblemKind::new(
    "card.application_absent",
    409,
    "No such application on the card",
    Text::new(
        "この操作に必要な機能が、置かれているカードやスマートフォンにありません。",
        "プラスチックのマイナンバーカードを置いて、もう一度操作してください。",
    ),
    Text::new(
        "This card or phone lacks the function that is needed.",
        "Put the My Number Card made of plastic on the reader and try again.",
    ),
);

/// The card has no certificate for this operation.
pub(crate) static CERTIFICATE_ABSENT: ProblemKind = ProblemKind::new(
    "card.certificate_absent",
    409,
    "No such certificate on the card",
    Text::new(
        "このカードには、この操作に必要な電子証明書が入っていません。",
        "署名用電子証明書は15歳未満の人には発行されません。15歳以上の人は市区町村の窓口で発行を受けてください。",
    ),
    Text::new(
        "This card does not carry the certificate that is needed.",
        "No signing certificate is issued to people under 15. Everyone else can have one issued at their municipality.",
    ),
);

/// The document was made for another site than the one that asks for its signature.
pub(crate) static ORIGIN_MISMATCH: ProblemKind = ProblemKind::new(
    "card.origin_mismatch",
    403,
    "Document made for another site",
    Text::new(
        "署名する文書が、依頼してきたサイトのものではありません。カードは何も署名していません。",
        "偽のサイトかもしれません。画面を閉じて、本物のサイトのアドレスを確かめてください。",
    ),
    Text::new(
        "The document to be signed was not made for the site that asks. The card has signed nothing.",
        "That site may be a fake. Close the window and check the address of the real site.",
    ),
);

/// The window's browser is not paired with the program that serves it. The card was not asked.
pub(crate) static PAIRING_NEEDED: ProblemKind = ProblemKind::new(
    "window.pairing_needed",
    403,
    "Pairing needed",
    Text::new(
        "このブラウザーは、カードを扱うプログラムとまだつながっていません。",
        "プログラムの画面に出ているコードを、カードの画面に入力してください。",
    ),
    Text::new(
        "This browser is not paired with the program that handles the card.",
        "Enter the code that the program shows into the card window.",
    ),
);

/// The holder has not agreed that this site asks the card. The card was not asked.
pub(crate) static APPROVAL_NEEDED: ProblemKind = ProblemKind::new(
    "window.approval_needed",
    403,
    "Approval needed",
    Text::new(
        "このサイトがカードを使うことは、まだ許可されていません。",
        "カードの画面でサイトのアドレスを確かめ、心当たりがあれば許可してください。",
    ),
    Text::new(
        "This site has not been allowed to use the card.",
        "Check the site's address in the card window and allow it if you know it.",
    ),
);
