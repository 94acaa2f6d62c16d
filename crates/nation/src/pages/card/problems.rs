//! Why the card window does not answer.

use musubi_httpkit::{ProblemKind, Text};

/// Every kind in this module, for the reference.
pub const PROBLEMS: &[&ProblemKind] =
    &[&PIN_WRONG, &PIN_BLOCKED, &CARD_NONE, &CERTIFICATE_ABSENT, &ORIGIN_MISMATCH];

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

/// No card is on the reader.
pub(crate) static CARD_NONE: ProblemKind = ProblemKind::new(
    "card.none",
    409,
    "No card on the reader",
    Text::new(
        "カードが読み取り機に置かれていません。",
        "住民のカードを選んで置いてから、もう一度操作してください。",
    ),
    Text::new(
        "There is no card on the reader.",
        "Choose a resident's card, put it on the reader and try again.",
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
