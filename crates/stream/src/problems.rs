//! What the routes of this crate refuse.

use musubi_httpkit::{ProblemKind, Text};

/// Every kind of problem that this crate's routes answer beside those of `httpkit` and `platform`.
pub const PROBLEMS: &[&ProblemKind] = &[
    &TOO_MANY_CONNECTIONS,
    &DAY_NOT_OVER,
    &DAY_UNKNOWN,
    &RANGE_UNSATISFIABLE,
    &STREAM_UNKNOWN,
    &STREAM_EXISTS,
    &STREAM_DELIVERY_UNSUPPORTED,
    &STREAM_SUBJECTS_BY_REGISTRATION,
];

/// The relying party has as many live connections as it may have.
pub(crate) static TOO_MANY_CONNECTIONS: ProblemKind = ProblemKind::new(
    "stream.too_many_connections",
    429,
    "Too many live connections",
    Text::new(
        "変更通知のライブ接続が上限（事業者ごとに5本）に達しています。",
        "使っていない接続を閉じてから、つなぎ直してください。",
    ),
    Text::new(
        "There are as many live connections of this relying party as it may have: five.",
        "Close one that is not needed, then connect again.",
    ),
);

/// The day is not over, or ended less than an hour ago.
pub(crate) static DAY_NOT_OVER: ProblemKind = ProblemKind::new(
    "stream.day_not_over",
    404,
    "Day not over",
    Text::new(
        "この日の日次ファイルはまだありません。日本時間で翌日の1時に締め切ります。",
        "翌日の1時を過ぎてから取得してください。それまでの変更は /v1/change-events で読めます。",
    ),
    Text::new(
        "There is no daily file of this day yet: it is closed at one o'clock of the next day in Japan.",
        "Ask after that time. Until then, read the changes at /v1/change-events.",
    ),
);

/// The path does not name a day, or one before the stream began.
pub(crate) static DAY_UNKNOWN: ProblemKind = ProblemKind::new(
    "stream.day_unknown",
    404,
    "No such day",
    Text::new(
        "この日の日次ファイルはありません。日付の形が違うか、通知が始まる前の日です。",
        "/v1/change-events/days にある日付を、2026-04-01の形で指定してください。",
    ),
    Text::new(
        "There is no daily file of this day: it is not a date, or lies before the stream began.",
        "Name one of the days that /v1/change-events/days lists, in the form 2026-04-01.",
    ),
);

/// The range begins after the end of the file. The header `Content-Range` says how long it is.
pub(crate) static RANGE_UNSATISFIABLE: ProblemKind = ProblemKind::new(
    "stream.range_unsatisfiable",
    416,
    "Range not satisfiable",
    Text::new(
        "指定された範囲はファイルの終わりより後です。",
        "Content-Rangeにある長さの内側で指定するか、Rangeを付けずに取得してください。",
    ),
    Text::new(
        "The requested range lies after the end of the file.",
        "Stay within the length that Content-Range names, or ask without a Range.",
    ),
);

/// The relying party has configured no stream, or names another one.
pub(crate) static STREAM_UNKNOWN: ProblemKind = ProblemKind::new(
    "stream.unknown",
    404,
    "No such stream",
    Text::new(
        "このstream_idの配信設定はありません。",
        "POST /v1/ssf/streams で作成するか、GET /v1/ssf/streams で自社のstream_idを確かめてください。",
    ),
    Text::new(
        "There is no stream configuration with this stream_id.",
        "Make one with POST /v1/ssf/streams, or read your stream_id with GET /v1/ssf/streams.",
    ),
);

/// Each relying party has one stream.
pub(crate) static STREAM_EXISTS: ProblemKind = ProblemKind::new(
    "stream.exists",
    409,
    "Stream exists",
    Text::new(
        "配信設定はすでにあります。事業者ごとに1つです。",
        "変えるときは PATCH または PUT /v1/ssf/streams を使ってください。",
    ),
    Text::new(
        "There is a stream configuration already: each relying party has one.",
        "To change it, use PATCH or PUT /v1/ssf/streams.",
    ),
);

/// The delivery method is not one of those that the platform's configuration names, or misses its address.
pub(crate) static STREAM_DELIVERY_UNSUPPORTED: ProblemKind = ProblemKind::new(
    "stream.delivery_unsupported",
    400,
    "Delivery method not supported",
    Text::new(
        "この配信方法には対応していないか、送り先のURLの指定が正しくありません。",
        "/.well-known/ssf-configuration にある方法を選び、プッシュのときはhttpsのendpoint_urlを付けてください。",
    ),
    Text::new(
        "This delivery method is not supported, or its endpoint_url is missing or not acceptable.",
        "Choose a method that /.well-known/ssf-configuration names; with push, give an https endpoint_url.",
    ),
);

/// Watching begins with a registration that rests on the resident's consent, not with a request to the stream.
pub(crate) static STREAM_SUBJECTS_BY_REGISTRATION: ProblemKind = ProblemKind::new(
    "stream.subjects_by_registration",
    403,
    "Subjects are watched by registration",
    Text::new(
        "見守る対象を、この窓口で足したり外したりすることはできません。登録された顧客の変更は、すべて通知されます。",
        "対象にするには、本人確認または一括登録で顧客を登録してください。外すには、その登録を取り消してください。",
    ),
    Text::new(
        "Subjects cannot be added or removed here: the changes of all registered customers are in the stream.",
        "To watch a customer, register them by identity proofing or bulk registration; to stop, end that registration.",
    ),
);
