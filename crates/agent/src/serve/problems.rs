//! What the connector refuses beside the card window's own refusals.

use musubi_httpkit::{ProblemKind, Text};

/// Every kind in this module, for the reference.
pub const PROBLEMS: &[&ProblemKind] =
    &[&PAIRING_NEEDED, &PAIRING_WRONG_CODE, &PAIRING_WAIT, &REQUEST_CROSS_SITE, &SITE_NOT_APPROVED];

/// The browser is not paired with the program.
pub(super) static PAIRING_NEEDED: ProblemKind = ProblemKind::new(
    "pairing.needed",
    403,
    "Not paired",
    Text::new(
        "このブラウザーは、まだプログラムとつながっていません。",
        "プログラムの画面に表示されている8文字のコードを入力してください。",
    ),
    Text::new(
        "This browser is not paired with the card connector yet.",
        "Enter the code of 8 characters that the program shows in its terminal.",
    ),
);

/// The code is not the one that is shown. The member `tries_left` counts down to another code.
pub(super) static PAIRING_WRONG_CODE: ProblemKind = ProblemKind::new(
    "pairing.wrong_code",
    403,
    "Wrong pairing code",
    Text::new(
        "コードが違います。",
        "プログラムの画面に最後に表示されたコードを確かめて、もう一度入力してください。",
    ),
    Text::new(
        "This is not the code.",
        "Look at the last code that the program shows in its terminal, and enter it again.",
    ),
);

/// Too many wrong codes came. `Retry-After` and the member `wait_seconds` say how long to wait.
pub(super) static PAIRING_WAIT: ProblemKind = ProblemKind::new(
    "pairing.wait",
    429,
    "Too many wrong pairing codes",
    Text::new(
        "違うコードが続いたため、しばらく受け付けません。",
        "しばらく待ってから、プログラムの画面に表示された新しいコードを入力してください。",
    ),
    Text::new(
        "Too many wrong codes were entered, so that none is accepted for a while.",
        "Wait a while, then enter the new code that the program shows in its terminal.",
    ),
);

/// Another site's page sent the request.
pub(super) static REQUEST_CROSS_SITE: ProblemKind = ProblemKind::new(
    "request.cross_site",
    403,
    "Sent by another site",
    Text::new(
        "ほかのサイトから送られた要求のため、安全のために止めました。",
        "プログラムのページを開き直して操作してください。",
    ),
    Text::new(
        "Another site sent this request, so it was stopped for your safety.",
        "Open the card connector's own page and repeat the step there.",
    ),
);

/// A site that the holder has not approved asks whether the program runs.
pub(super) static SITE_NOT_APPROVED: ProblemKind = ProblemKind::new(
    "site.not_approved",
    403,
    "Site not approved",
    Text::new(
        "このサイトは、カードの利用を許可されていません。",
        "カードの操作をサイトで始めると、カードの画面で許可するかどうかを選べます。",
    ),
    Text::new(
        "This site has not been allowed to use the card.",
        "Start a card operation on the site: the card window asks whether to allow it.",
    ),
);
