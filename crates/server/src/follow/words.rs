//! What `musubi follow` says, in both languages: what happened and what to do next. Customers are named in the file of
//! entries, not here.

use musubi_feed::{Contradiction, Entry, Heard, Refusal, Standing};
use musubi_httpkit::page::Lang;
use musubi_kernel::shown;

use super::client::ApiError;
use super::verify::{Fault, Summary};
use super::{FollowError, kept::KeptError};

/// What is said.
pub(super) enum Said<'a> {
    Begins { after: u64 },
    Entry(&'a Entry),
    Stands(Standing, Option<&'a Heard>),
    Retries(&'a ApiError),
    Failed(&'a FollowError),
    Verified(&'a str, &'a Summary),
    NotVerified(&'a str, &'a Fault),
}

impl Said<'_> {
    pub(super) fn text(&self, language: Lang) -> String {
        let pick = |ja: String, en: String| match language {
            Lang::Ja => ja,
            Lang::En => en,
        };
        match self {
            Self::Begins { after } => {
                pick(format!("第{after}号の次から読みます。"), format!("Reading on after entry {after}."))
            }
            Self::Entry(entry) => {
                let (number, name, at) = (entry.position.sequence, entry.event.name(), entry.at.in_japan());
                pick(format!("第{number}号 {name}（{at}）"), format!("entry {number} {name} ({at} in Japan)"))
            }
            Self::Stands(standing, heard) => stands(*standing, *heard, language),
            Self::Retries(error) => pick(
                format!("プラットフォームにつながりません（{error}）。間をおいて試し続けます。"),
                format!("The platform cannot be reached ({error}). Trying on, with pauses."),
            ),
            Self::Failed(error) => failed(error, language),
            Self::Verified(name, summary) => {
                let Summary { stream, day, first, last } = summary;
                let (issuer, audience) = (shown(&stream.issuer), shown(&stream.audience));
                let count = (last + 1).saturating_sub(*first);
                let day = day.as_ref().map(|day| shown(day));
                pick(
                    format!(
                        "{name}：{}通知{count}件（第{first}号から第{last}号まで）に、抜けも書き換えもありません。\n  発行者 {issuer}\n  宛先 {audience}",
                        day.as_ref().map(|day| format!("{day}の")).unwrap_or_default(),
                    ),
                    format!(
                        "{name}: {count} entries (numbers {first} to {last}){}: nothing is missing or changed.\n  issuer {issuer}\n  audience {audience}",
                        day.as_ref().map(|day| format!(" of {day}")).unwrap_or_default(),
                    ),
                )
            }
            Self::NotVerified(name, fault) => pick(
                format!(
                    "{name}：確かめられません（{fault}）。このファイルを信用せず、もう一度取得してください。"
                ),
                format!("{name}: does not hold ({fault}). Do not rely on this file; get it again."),
            ),
        }
    }
}

fn stands(standing: Standing, heard: Option<&Heard>, language: Lang) -> String {
    let lists = heard.map(|heard| {
        let named = heard.lists.iter().map(|list| format!("{} {}", shown(&list.authority), list.number));
        named.collect::<Vec<_>>().join(", ")
    });
    let (customers, lists) = (heard.map_or(0, |heard| heard.customers), lists.unwrap_or_default());
    match (standing, language) {
        (Standing::Complete { as_of }, Lang::Ja) => format!(
            "{}の時点で、届いていない通知はありません（見守り{customers}人、失効リスト {lists}）。",
            as_of.in_japan()
        ),
        (Standing::Complete { as_of }, Lang::En) => format!(
            "As of {} in Japan nothing is missing ({customers} watched customers, lists {lists}).",
            as_of.in_japan()
        ),
        (Standing::Behind { have, last }, Lang::Ja) => {
            format!("第{last}号まであり、第{have}号まで読みました。続きを読みます。")
        }
        (Standing::Behind { have, last }, Lang::En) => {
            format!("There are entries up to {last}; read up to {have}. Reading on.")
        }
        (Standing::Unproven { .. }, Lang::Ja) => {
            "「これで全部」という新しい知らせがなく、抜けがないとは言えません。時計とプラットフォームの状態を確かめてください。".into()
        }
        (Standing::Unproven { .. }, Lang::En) => {
            "No recent statement says that this is all. Check the clock and the state of the platform.".into()
        }
        (Standing::Stopped(contradiction), _) => broken(&Refusal::Stopped(contradiction), language),
    }
}

fn broken(refusal: &Refusal, language: Lang) -> String {
    let (ja, en) = match refusal {
        Refusal::Contradiction(contradiction) | Refusal::Stopped(contradiction) => {
            let (Contradiction::Fork { sequence } | Contradiction::NotNext { sequence }) = contradiction;
            (
                format!(
                    "プラットフォームが署名した2つの通知が、第{sequence}号で食い違っています。取り込みを止めました。証拠のファイル（.contradiction）を消さずに、プラットフォームの運用者に連絡してください。"
                ),
                format!(
                    "Two things that the platform signed contradict each other at entry {sequence}. Nothing more is taken in. Keep the evidence (.contradiction) and tell the platform's operator."
                ),
            )
        }
        Refusal::Gap { expected, got } => (
            format!(
                "第{expected}号があるはずのところに第{got}号が届きました。何度読み直しても抜けています。プラットフォームの運用者に連絡してください。"
            ),
            format!(
                "Entry {got} came where entry {expected} should be, however often it was asked for. Tell the platform's operator."
            ),
        ),
        Refusal::Token(error) => (
            format!(
                "プラットフォームの署名と確かめられない通知が届きました（{error}）。取り込んでいません。公開鍵をプラットフォームの運用者に確かめてください。"
            ),
            format!(
                "Something came that the platform did not sign ({error}). It was not taken in. Check the public key with the platform's operator."
            ),
        ),
        Refusal::ListsWentBack | Refusal::HeadWentBack | Refusal::FromTheFuture => (
            format!(
                "「これで全部」という知らせを受け付けられません（{refusal}）。時計を確かめ、プラットフォームの運用者に連絡してください。"
            ),
            format!(
                "The statement that this is all is not acceptable ({refusal}). Check the clocks and tell the platform's operator."
            ),
        ),
    };
    match language {
        Lang::Ja => ja,
        Lang::En => en,
    }
}

fn failed(error: &FollowError, language: Lang) -> String {
    let said = match error {
        FollowError::Broken(refusal) => broken(refusal, language),
        FollowError::Api(error) => match language {
            Lang::Ja => format!(
                "プラットフォームから読めません（{error}）。--api、--client-id、--key が登録のとおりか確かめてください。"
            ),
            Lang::En => format!(
                "The platform cannot be read ({error}). Check that --api, --client-id and --key are as registered."
            ),
        },
        FollowError::Kept(error) => kept(error, language),
        FollowError::Unusable(why) => match language {
            Lang::Ja => format!("鍵のファイルを使えません（{why}）。--key と --keys を確かめてください。"),
            Lang::En => format!("A file of keys cannot be used ({why}). Check --key and --keys."),
        },
    };
    format!("musubi follow: {said}")
}

fn kept(error: &KeptError, language: Lang) -> String {
    let (ja, en) = match error {
        KeptError::File { .. } => (
            "ファイルを使えません。場所と権限を確かめてください",
            "A file cannot be used; check its path and permissions",
        ),
        KeptError::InUse => (
            "同じ --place で別のプロセスが動いています",
            "Another process follows with the same --place; end it or name another",
        ),
        KeptError::OtherPlace => (
            "--place のファイルは、この事業者のこの通知のものではありません。別のファイルを指定してください",
            "The file of --place is not of this stream; name another one",
        ),
        KeptError::Shortened | KeptError::Line { .. } | KeptError::Unreadable { .. } => (
            "--out のファイルが、取り込んだときと違います。元に戻すか、--place と --out を新しくして最初から読んでください",
            "The file of --out is not as it was written; restore it, or begin anew with another --place and --out",
        ),
    };
    match language {
        Lang::Ja => format!("{ja}（{error}）。"),
        Lang::En => format!("{en} ({error})."),
    }
}
