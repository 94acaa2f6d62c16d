//! Why a virtual card does not answer.

use musubi_httpkit::{ProblemKind, Text};

/// Every kind of problem of the virtual cards, for the reference.
pub const PROBLEMS: &[&ProblemKind] =
    &[&CARD_REMOVED, &CARD_OFF, &RESIDENT_UNKNOWN, &SESSION_UNKNOWN, &FOREIGN_PAGE];

/// The card was taken away, or its power failed, as the session's disturbances say.
pub(super) static CARD_REMOVED: ProblemKind = ProblemKind::new(
    "virtual_card.removed",
    410,
    "Card removed",
    Text::new(
        "カードがリーダーから離れたか、電源が切れました。",
        "電源を入れ直すか、新しいセッションでカードを置き直してください。",
    ),
    Text::new(
        "The card was taken off the reader, or its power failed.",
        "Turn the power on again, or put the card back by a new session.",
    ),
);

/// A command came while the power was off.
pub(super) static CARD_OFF: ProblemKind = ProblemKind::new(
    "virtual_card.off",
    409,
    "Power off",
    Text::new("カードの電源が入っていません。", "電源を入れてから、もう一度送ってください。"),
    Text::new("The card's power is off.", "Turn the power on and send the command again."),
);

/// There is no such resident.
pub(super) static RESIDENT_UNKNOWN: ProblemKind = ProblemKind::new(
    "virtual_card.resident_unknown",
    404,
    "No such resident",
    Text::new("その住民はいません。", "カードのある住民の一覧から選んでください。"),
    Text::new("There is no such resident.", "Choose one of the residents who have cards."),
);

/// There is no such session, or it made room for newer ones.
pub(super) static SESSION_UNKNOWN: ProblemKind = ProblemKind::new(
    "virtual_card.session_unknown",
    404,
    "No such session",
    Text::new(
        "このセッションはないか、長く使われなかったため終わりました。",
        "新しいセッションを始めてください。",
    ),
    Text::new(
        "There is no such session, or it ended because newer ones needed its place.",
        "Start a new session.",
    ),
);

/// A page of another origin sent the request.
pub(super) static FOREIGN_PAGE: ProblemKind = ProblemKind::new(
    "virtual_card.foreign_page",
    403,
    "Page of another origin",
    Text::new(
        "別のサイトのページからは、カードを操作できません。",
        "プログラムから、またはこのサイトのページから送ってください。",
    ),
    Text::new(
        "Pages of other sites may not use the cards.",
        "Send the request from a program, or from a page of this site.",
    ),
);
