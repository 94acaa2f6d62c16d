//! `musubi-demo live` and `musubi-demo lists`: the nation at any size, without platform, network or database.

use std::fs::File;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use musubi_kernel::{Date, UnixTime};
use musubi_nation::population::{Event, Happening, Population};
use musubi_nation::synthetic::{SyntheticLists, SyntheticOrder, Version};
use musubi_nation::{DEFAULT_SEED, Scope, Written};
use musubi_pki::AuthorityKind;

use crate::cli::{Failure, say};

#[derive(Debug, Clone, Args)]
pub(crate) struct LiveOptions {
    /// Residents on the first day.
    #[arg(long, default_value_t = 1_000_000)]
    residents: u32,
    /// Years that they live.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=30))]
    years: u16,
    /// Everything random follows from it.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// The first day.
    #[arg(long, default_value = "2026-04-01", value_parser = day)]
    from: Date,
    /// Folder for truth.jsonl and events.jsonl: what really happened, and what the authorities recorded.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ListsOptions {
    /// Entries of the first list.
    #[arg(long, default_value_t = 25_000_000)]
    entries: u64,
    /// Serial numbers that have been given out.
    #[arg(long, default_value_t = SyntheticOrder::NATION)]
    range: u64,
    /// Entries that are new on the next day.
    #[arg(long, default_value_t = 50_000)]
    next: u64,
    /// Entries that are no longer listed on the next day, since their certificates have ended.
    #[arg(long, default_value_t = 0)]
    expired: u64,
    /// How much batches of certificates differ: 0 to 100.
    #[arg(long, default_value_t = 50)]
    clustering: u8,
    /// Whose lists.
    #[arg(long, value_enum, default_value_t = Authority::DigitalSignature)]
    authority: Authority,
    /// Everything random follows from it.
    #[arg(long, default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// The day of the first list.
    #[arg(long, default_value = "2026-04-01", value_parser = day)]
    at: Date,
    /// Folder for authority.der, full-1.crl, full-2.crl, delta.crl and facts.json.
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Authority {
    DigitalSignature,
    UserAuthentication,
}

fn day(text: &str) -> Result<Date, &'static str> {
    let midnight = UnixTime::parse_rfc3339(&format!("{text}T00:00:00+09:00"));
    midnight.map(UnixTime::date_in_japan).map_err(|_| "not a day such as 2026-04-01")
}

/// A line that shows how far the work is, on a terminal only: one bar, drawn again at each hundredth.
struct Progress {
    what: &'static str,
    shown: Option<u64>,
    terminal: bool,
}

impl Progress {
    fn of(what: &'static str) -> Self {
        Self { what, shown: None, terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, done: u64, all: u64) {
        let hundredth = done.saturating_mul(100).checked_div(all).unwrap_or(100).min(100);
        if !self.terminal || self.shown == Some(hundredth) {
            return;
        }
        self.shown = Some(hundredth);
        let full = usize::try_from(hundredth / 4).unwrap_or_default();
        let bar = format!("{}{}", "█".repeat(full), "░".repeat(25_usize.saturating_sub(full)));
        let end = if hundredth == 100 { "\n" } else { "" };
        let mut out = std::io::stderr();
        // A closed terminal is the reader's choice.
        drop(write!(out, "\r{} {bar} {hundredth:>3} %{end}", self.what));
        drop(out.flush());
    }
}

// -- live

/// Lets a population live and shows a table of what happened.
pub(crate) fn live(options: &LiveOptions) -> Result<(), Failure> {
    let epoch = options.from.starts_in_japan();
    let mut population = Population::found(options.seed, options.residents, epoch)?;
    let mut files = options.out.as_deref().map(Files::create).transpose()?;
    let mut progress = Progress::of("人々の暮らし / living");
    let mut sizes: Vec<(i32, [usize; 2])> = vec![(0, [0; 2])];
    let days = i64::from(options.years) * 1461 / 4;
    let mut failed = None;
    for lived in 1..=days {
        let watch = &mut |event: &Event| {
            let written = files.as_mut().map(|files| files.write(event));
            failed = failed.take().or(written.and_then(Result::err));
        };
        population.live_watched(epoch.plus(lived * 86_400), watch);
        if let Some(error) = failed {
            return Err(error.into());
        }
        progress.show(lived.unsigned_abs(), days.unsigned_abs());
        let (year, before) = (lived * 4 / 1461, (lived - 1) * 4 / 1461);
        if year != before {
            sizes.push((i32::try_from(year)?, AuthorityKind::ALL.map(|kind| listed(&population, kind))));
        }
    }
    if let Some(files) = files {
        files.finish()?;
    }
    let mut out = std::io::stdout();
    say(&mut out, &table(&population));
    say(
        &mut out,
        "失効リストの件数（署名用・利用者証明用）/ entries of the lists (signature, authentication)",
    );
    for (year, [signing, authentication]) in sizes {
        say(&mut out, &format!("  {year:>2} 年後 / years on {signing:>12} {authentication:>12}"));
    }
    let [signing, authentication] = AuthorityKind::ALL.map(|kind| population.certificates(kind));
    for (what, count) in [
        ("住民 / residents", u64::from(population.present())),
        ("カード / cards", u64::from(population.cards())),
        ("署名用電子証明書の発行数 / digital-signature certificates issued", signing as u64),
        ("利用者証明用電子証明書の発行数 / user-authentication certificates issued", authentication as u64),
        ("使用メモリー（バイト）/ bytes of memory", population.memory() as u64),
    ] {
        say(&mut out, &format!("{count:>12}  {what}"));
    }
    Ok(())
}

fn listed(population: &Population, kind: AuthorityKind) -> usize {
    let entries = |generation| population.entries(kind, generation, Scope::Full, population.now()).count();
    population.generations(kind).into_iter().map(entries).sum()
}

/// Happenings by calendar year.
fn table(population: &Population) -> String {
    let tallies = population.tallies();
    let mut years: Vec<i32> = tallies.keys().map(|(year, _)| *year).collect();
    years.dedup();
    let mut lines = vec![format!(
        "{}  出来事 / what happened",
        years.iter().map(|year| format!("{year:>9}")).collect::<String>()
    )];
    for happening in Happening::ALL {
        let count = |year: &i32| tallies.get(&(*year, happening)).copied().unwrap_or_default();
        let counts: String = years.iter().map(|year| format!("{:>9}", count(year))).collect();
        lines.push(format!("{counts}  {} / {}", happening.text().ja, happening.text().en));
    }
    lines.join("\n")
}

/// What happened and what was recorded, one JSON object per line.
struct Files {
    truth: BufWriter<File>,
    events: BufWriter<File>,
}

impl Files {
    fn create(folder: &Path) -> Result<Self, std::io::Error> {
        std::fs::create_dir_all(folder)?;
        let file = |name: &str| File::create(folder.join(name)).map(BufWriter::new);
        Ok(Self { truth: file("truth.jsonl")?, events: file("events.jsonl")? })
    }

    fn write(&mut self, event: &Event) -> Result<(), std::io::Error> {
        writeln!(self.truth, "{}", event.truth_json())?;
        event.evidence_json().map_or(Ok(()), |evidence| writeln!(self.events, "{evidence}"))
    }

    fn finish(mut self) -> Result<(), std::io::Error> {
        self.truth.flush()?;
        self.events.flush()
    }
}

// -- lists

/// Writes lists of any size and a file of facts about them.
pub(crate) fn lists(options: &ListsOptions) -> Result<(), Failure> {
    let order = SyntheticOrder {
        seed: options.seed,
        authority: match options.authority {
            Authority::DigitalSignature => AuthorityKind::DigitalSignature,
            Authority::UserAuthentication => AuthorityKind::UserAuthentication,
        },
        entries: options.entries,
        range: options.range,
        next: options.next,
        expired: options.expired,
        clustering: options.clustering,
        at: options.at.starts_in_japan().plus(3 * 3600),
    };
    let lists = SyntheticLists::new(order)?;
    std::fs::create_dir_all(&options.out)?;
    std::fs::write(options.out.join("authority.der"), lists.certificate()?)?;
    let mut facts = Vec::new();
    for (version, file, what) in [
        (Version::First, "full-1.crl", "失効リスト / full list"),
        (Version::Next, "full-2.crl", "翌日の失効リスト / next day's list"),
    ] {
        let mut progress = Progress::of(what);
        let mut sink = BufWriter::new(File::create(options.out.join(file))?);
        let written = lists.write_full(&mut sink, version, &mut |done, all| progress.show(done, all))?;
        sink.flush()?;
        facts.push(fact(&lists, version, file, None, &written));
    }
    let mut sink = BufWriter::new(File::create(options.out.join("delta.crl"))?);
    let written = lists.write_delta(&mut sink)?;
    sink.flush()?;
    facts.push(fact(&lists, Version::Next, "delta.crl", Some(lists.number(Version::First)), &written));
    let all = serde_json::json!({
        "authority": order.authority,
        "key_id": lists.key_id(),
        "certificate": "authority.der",
        "seed": order.seed,
        "first_serial": format!("{:X}", SyntheticOrder::FIRST_SERIAL),
        "range": order.range,
        "clustering": order.clustering,
        "lists": facts,
    });
    let text = serde_json::to_string_pretty(&all)?;
    std::fs::write(options.out.join("facts.json"), format!("{text}\n"))?;
    say(&mut std::io::stdout(), &text);
    Ok(())
}

fn fact(
    lists: &SyntheticLists,
    version: Version,
    file: &str,
    base: Option<u64>,
    written: &Written,
) -> serde_json::Value {
    serde_json::json!({
        "file": file,
        "number": lists.number(version),
        "base_number": base,
        "this_update": lists.this_update(version),
        "entries": written.entries,
        "bytes": written.bytes,
        "sha256": hex::encode(written.sha256),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_an_order_lie_in_its_folder_with_their_facts() {
        let dir = tempfile::tempdir().unwrap();
        let options = ListsOptions {
            entries: 400,
            range: 2000,
            next: 30,
            expired: 5,
            clustering: 20,
            authority: Authority::UserAuthentication,
            seed: DEFAULT_SEED,
            at: day("2026-04-01").unwrap(),
            out: dir.path().join("lists"),
        };
        lists(&options).unwrap();
        let facts = std::fs::read(dir.path().join("lists/facts.json")).unwrap();
        let facts: serde_json::Value = serde_json::from_slice(&facts).unwrap();
        assert_eq!(facts["authority"], "user_authentication");
        let entries: Vec<u64> =
            facts["lists"].as_array().unwrap().iter().map(|list| list["entries"].as_u64().unwrap()).collect();
        assert_eq!(entries, [400, 425, 35]);
        for list in facts["lists"].as_array().unwrap() {
            let der = std::fs::read(dir.path().join("lists").join(list["file"].as_str().unwrap())).unwrap();
            assert_eq!(Some(der.len() as u64), list["bytes"].as_u64());
            assert_eq!(list["sha256"], hex::encode(musubi_crypto::sha256(&der)));
        }
        assert_eq!(facts["lists"][2]["base_number"], facts["lists"][0]["number"]);
    }

    #[test]
    fn a_life_leaves_its_truth_and_its_evidence_in_files() {
        let dir = tempfile::tempdir().unwrap();
        let options = LiveOptions {
            residents: 3000,
            years: 1,
            seed: DEFAULT_SEED,
            from: day("2026-04-01").unwrap(),
            out: Some(dir.path().to_owned()),
        };
        live(&options).unwrap();
        let lines = |name: &str| {
            let text = std::fs::read_to_string(dir.path().join(name)).unwrap();
            assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
            (text.lines().count(), text)
        };
        let (truths, truth) = lines("truth.jsonl");
        let (traces, evidence) = lines("events.jsonl");
        assert!(truths > traces && traces > 200, "{truths} {traces}");
        assert!(truth.contains("moved_between") && !evidence.contains("moved_between"));
    }

    #[test]
    fn a_day_is_one_of_the_calendar() {
        assert_eq!(day("2026-04-01").unwrap().to_string(), "2026-04-01");
        assert!(day("2026-02-30").is_err() && day("tomorrow").is_err());
    }
}
