//! `musubi offline`: checks certificates without a network, by an offline filter of the platform
//! (docs/spec/offline-filter.md). Needs no configuration, no database and no connection; reads the clock once.
//!
//! Exit codes of `check`: 0 genuine, valid and not on a list that is fresh enough; 1 anything else that was found; 2 it could
//! not be judged (a file is unreadable, forged, damaged or too old a list); 64 wrong arguments.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use musubi_kernel::UnixTime;
use musubi_pki::offline_filter::{FilterDelta, OfflineFilter, OfflineFinding, OfflineReport, check_offline};
use serde_json::json;

use crate::cli::{Failure, say};
use crate::roots::{UNREADABLE, Unusable, anchors, platform_keys};
use crate::terminal::shown_path;
use crate::verify::{one_certificate, read};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Check one certificate.
    #[command(
        after_help = "Exit codes: 0 not revoked by a list that is fresh enough, 1 anything else, 2 could not judge, 64 wrong arguments."
    )]
    Check(Check),
    /// Bring a filter up to date with deltas, and write the newer one.
    Update(Update),
}

/// The filter at hand.
#[derive(Debug, clap::Args)]
struct Held {
    /// The filter.
    #[arg(long, value_name = "FILE")]
    filter: PathBuf,
    /// A delta that leads on from it; may be given several times, in order.
    #[arg(long, value_name = "FILE")]
    delta: Vec<PathBuf>,
    /// The platform's public key, 64 hex digits; may be given several times. Without it, `platform-key.hex` in the folder of
    /// --anchors is read.
    #[arg(long, value_name = "HEX")]
    platform_key: Vec<String>,
    /// `production` for the roots that J-LIS publishes, or a folder of test roots (DER).
    #[arg(long, value_name = "PLACE", default_value = "production")]
    anchors: PathBuf,
    /// The highest list number seen so far: a filter of an older list is refused.
    #[arg(long, value_name = "NUMBER")]
    at_least: Option<u64>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    #[command(flatten)]
    held: Held,
    /// The certificate (DER or PEM).
    certificate: PathBuf,
    /// How old the list may be, in seconds; until its own next update if absent.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32))]
    max_age: Option<u32>,
    /// The time for which it is checked (RFC 3339); now if absent.
    #[arg(long, value_name = "TIME", value_parser = UnixTime::parse_rfc3339)]
    at: Option<UnixTime>,
    /// One line of JSON instead of text.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Update {
    #[command(flatten)]
    held: Held,
    /// Where to write the newer filter; may be the same file. A filter that stands there is not replaced by one of an
    /// older list, nor is a file that is no filter.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command. `now` is the time for which it is checked if none is given.
pub(crate) fn run(command: &Command, now: UnixTime) -> ExitCode {
    let done = match command {
        Command::Check(check) => check.run(now),
        Command::Update(update) => update.run(),
    };
    ExitCode::from(done.unwrap_or_else(|Unusable(code, message)| {
        say(&mut std::io::stderr(), &format!("musubi offline: {message}"));
        code
    }))
}

fn unusable(why: &Failure) -> Unusable {
    Unusable(UNREADABLE, why.to_string())
}

fn in_file(path: &Path, why: &dyn std::fmt::Display) -> Unusable {
    Unusable(UNREADABLE, format!("{}: {why}", shown_path(path)))
}

impl Held {
    fn open(&self) -> Result<OfflineFilter, Unusable> {
        let keys = platform_keys(&self.platform_key, &self.anchors)?;
        let bytes = read(&self.filter).map_err(|why| unusable(&why))?;
        let mut filter = OfflineFilter::open(bytes, &keys).map_err(|why| in_file(&self.filter, &why))?;
        for path in &self.delta {
            let bytes = read(path).map_err(|why| unusable(&why))?;
            filter = FilterDelta::open(bytes, &keys)
                .and_then(|delta| delta.apply(&filter, &keys))
                .map_err(|why| in_file(path, &why))?;
        }
        let number = filter.head().list_number;
        if let Some(least) = self.at_least.filter(|least| number < *least) {
            let why = format!("it is of list {number}, and list {least} was seen already");
            return Err(in_file(&self.filter, &why));
        }
        Ok(filter)
    }
}

impl Check {
    fn run(&self, now: UnixTime) -> Result<u8, Unusable> {
        let anchors = anchors("--anchors", &self.held.anchors)?;
        let filter = self.held.open()?;
        let certificate = one_certificate("CERTIFICATE", &self.certificate).map_err(|why| unusable(&why))?;
        let at = self.at.unwrap_or(now);
        let report = check_offline(&certificate, &anchors, &filter, self.max_age.map(i64::from), at)
            .map_err(|why| in_file(&self.certificate, &why))?;
        let text = if self.json { json_of(&report, at) } else { text_of(&report, at) };
        say(&mut std::io::stdout(), &text);
        Ok(u8::from(report.finding != OfflineFinding::NotListed))
    }
}

impl Update {
    fn run(&self) -> Result<u8, Unusable> {
        let filter = self.held.open()?;
        if self.out.exists() {
            let keys = platform_keys(&self.held.platform_key, &self.held.anchors)?;
            let there = read(&self.out).map_err(|why| unusable(&why))?;
            let there = OfflineFilter::open(there, &keys).map_err(|why| in_file(&self.out, &why))?;
            filter.succeeds(&there).map_err(|why| in_file(&self.out, &why))?;
        }
        // Beside it and then in its place: a device that is switched off meanwhile keeps the old one.
        let mut beside = self.out.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        std::fs::write(&beside, filter.as_bytes())
            .and_then(|()| std::fs::File::open(&beside)?.sync_all())
            .and_then(|()| std::fs::rename(&beside, &self.out))
            .map_err(|why| in_file(&self.out, &why))?;
        let head = filter.head();
        let text =
            format!("{}\t{}\t{}", head.list_number, head.next_update.rfc3339(), hex::encode(filter.sha256()));
        say(&mut std::io::stdout(), &text);
        Ok(0)
    }
}

/// The stable name of a finding.
fn code_of(finding: OfflineFinding) -> &'static str {
    match finding {
        OfflineFinding::UnknownIssuer => "unknown_issuer",
        OfflineFinding::BadSignature => "bad_signature",
        OfflineFinding::OtherProfile => "other_profile",
        OfflineFinding::OtherAuthority => "other_authority",
        OfflineFinding::Listed => "listed",
        OfflineFinding::NotYetValid => "not_yet_valid",
        OfflineFinding::Expired => "expired",
        OfflineFinding::IssuedLater => "issued_later",
        OfflineFinding::NotCovered => "not_covered",
        OfflineFinding::ClockBehind => "clock_behind",
        OfflineFinding::TooOld => "too_old",
        OfflineFinding::NotListed => "not_listed",
    }
}

/// What was found and what to do next, in Japanese and in English.
fn words_of(finding: OfflineFinding) -> [&'static str; 4] {
    match finding {
        OfflineFinding::NotListed => [
            "有効です。この電子証明書は失効リストに載っていません。",
            "これは下の発行時点での結果です。通信が戻ったら、オンラインでも確認してください。",
            "Good as of the list below: the certificate is not on it.",
            "Check it online, too, once there is a connection.",
        ],
        OfflineFinding::Listed => [
            "失効しています。この電子証明書は失効リストに載っています。",
            "使えません。理由はこのフィルタでは分かりません。ご本人に市区町村の窓口を案内してください。",
            "Revoked: the certificate is on the list.",
            "Do not accept it. The filter does not say why; the holder can ask the municipality.",
        ],
        OfflineFinding::NotCovered => [
            "判定できません。このフィルタの対象外の電子証明書です。失効していないという意味ではありません。",
            "新しいフィルタを受け取るか、オンラインで確認してください。",
            "Undetermined: the filter does not cover this certificate. That does not mean that it is good.",
            "Get a newer filter, or check it online.",
        ],
        OfflineFinding::IssuedLater => [
            "判定できません。フィルタより後に発行された電子証明書です。",
            "新しいフィルタを受け取るか、オンラインで確認してください。",
            "Undetermined: the certificate was issued after the filter's list.",
            "Get a newer filter, or check it online.",
        ],
        OfflineFinding::TooOld => [
            "判定できません。フィルタが古すぎます。その後に失効した可能性があります。",
            "新しいフィルタか差分を受け取るか、オンラインで確認してください。",
            "Undetermined: the filter is too old. The certificate may have been revoked since.",
            "Get a newer filter or deltas, or check it online.",
        ],
        OfflineFinding::ClockBehind => [
            "判定できません。この端末の時計が、フィルタの発行時刻より前を指しています。",
            "端末の時計を合わせて、もう一度お試しください。",
            "Undetermined: this device's clock is before the time at which the list was issued.",
            "Set the clock and try again.",
        ],
        OfflineFinding::OtherAuthority => [
            "判定できません。別の認証局（または別の世代）のフィルタです。",
            "この電子証明書を発行した認証局のフィルタで、もう一度お試しください。",
            "Undetermined: the filter is of another authority, or of another generation of it.",
            "Try again with the filter of the authority that issued the certificate.",
        ],
        OfflineFinding::NotYetValid => [
            "有効期間がまだ始まっていません。",
            "端末の時計を確認してください。正しければ、この電子証明書はまだ使えません。",
            "The certificate's validity has not begun.",
            "Look at the device's clock. If it is right, the certificate cannot be used yet.",
        ],
        OfflineFinding::Expired => [
            "有効期間が終わっています。",
            "使えません。ご本人に市区町村の窓口での更新を案内してください。",
            "The certificate has expired.",
            "Do not accept it. The holder can renew it at the municipality.",
        ],
        OfflineFinding::OtherProfile => [
            "利用者の署名用・利用者証明用電子証明書ではありません。",
            "マイナンバーカードから読み出した電子証明書で、もう一度お試しください。",
            "Not a resident's certificate for signatures or for authentication.",
            "Try again with the certificate from a My Number Card.",
        ],
        OfflineFinding::BadSignature => [
            "本物ではありません。名乗っている認証局が発行した電子証明書ではありません。",
            "使えません。偽造または破損の可能性があります。",
            "Not genuine: the authority that it names did not sign it.",
            "Do not accept it. It is forged or damaged.",
        ],
        OfflineFinding::UnknownIssuer => [
            "判定できません。信頼する認証局が発行した電子証明書ではありません。",
            "--anchors の指定と、電子証明書の種類を確認してください。",
            "Undetermined: no authority that is trusted here issued it.",
            "Check --anchors, and which certificate this is.",
        ],
    }
}

fn age_of(seconds: i64) -> [String; 2] {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    if days > 0 {
        [format!("{days}日{hours}時間前"), format!("{days} d {hours} h ago")]
    } else {
        [format!("{hours}時間{minutes}分前"), format!("{hours} h {minutes} min ago")]
    }
}

fn text_of(report: &OfflineReport, at: UnixTime) -> String {
    let OfflineReport { finding, freshness, authority } = report;
    let [ja_what, ja_next, en_what, en_next] = words_of(*finding);
    let [ja_age, en_age] = age_of(freshness.age_seconds);
    let sub = finding.sub_indication().map(|sub| format!(", {}", sub.as_str())).unwrap_or_default();
    let kind = authority.map_or("-", |kind| kind.as_str());
    let lines = [
        ja_what.to_owned(),
        ja_next.to_owned(),
        en_what.to_owned(),
        en_next.to_owned(),
        format!("判定 / finding       {}{sub} ({})", finding.indication().as_str(), code_of(*finding)),
        format!("時点 / checked for   {}", at.rfc3339()),
        format!("種別 / kind          {kind}"),
        format!("リスト / list        {}", freshness.list_number.unwrap_or_default()),
        format!("発行 / issued        {} ({ja_age} / {en_age})", freshness.this_update.rfc3339()),
        format!("次回 / next update   {}", freshness.next_update.rfc3339()),
        "範囲 / says          発行者、有効期間、リストに載っているかだけ。提示した人が持ち主かどうかは確認していません。"
            .to_owned(),
        "                     Issuer, validity and the list alone. That who shows it is its holder was not checked."
            .to_owned(),
    ];
    lines.join("\n")
}

fn json_of(report: &OfflineReport, at: UnixTime) -> String {
    let OfflineReport { finding, freshness, authority } = report;
    json!({
        "finding": code_of(*finding),
        "indication": finding.indication().as_str(),
        "sub_indication": finding.sub_indication().map(|sub| sub.as_str()),
        "checked_for": at.rfc3339(),
        "certificate_kind": authority.map(|kind| kind.as_str()),
        "list_number": freshness.list_number,
        "this_update": freshness.this_update.rfc3339(),
        "next_update": freshness.next_update.rfc3339(),
        "age_seconds": freshness.age_seconds,
    })
    .to_string()
}
