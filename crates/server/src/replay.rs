//! `musubi replay`: derives verdicts again from their bundles, offline. Needs no configuration and no database.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use musubi_signature::bundle::{Difference, Replayed, Roots, replay, split_first};
use musubi_signature::report::etsi_xml_of_bundle;
use serde_json::json;

use crate::roots::{UNREADABLE, USAGE, Unusable, anchors, platform_keys, read};

/// The verdict follows from the bundle.
const IDENTICAL: u8 = 0;
/// It does not.
const DIFFERENT: u8 = 1;

#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// The bundle.
    file: PathBuf,
    /// `production` for the roots that J-LIS publishes, or a folder of test roots (DER).
    #[arg(long, default_value = "production")]
    roots: PathBuf,
    /// The platform's public key, 64 hex digits; may be given several times. Without it, `platform-key.hex` in the
    /// folder of roots is read.
    #[arg(long, value_name = "HEX")]
    platform_key: Vec<String>,
    /// A revocation list (DER) that the platform says to have judged by; may be given several times.
    #[arg(long, value_name = "FILE")]
    list: Vec<PathBuf>,
    /// One line of JSON instead of text.
    #[arg(long)]
    json: bool,
    /// The verdict as a validation report of ETSI TS 119 102-2 (XML).
    #[arg(long, conflicts_with_all = ["json", "sequence"])]
    report: bool,
    /// The file is a sequence of bundles, one after the other (RFC 8742).
    #[arg(long)]
    sequence: bool,
}

impl Replay {
    pub(crate) fn run(&self, out: &mut dyn Write) -> ExitCode {
        let code = self.replayed(out).unwrap_or_else(|Unusable(code, message)| {
            let line = format!("musubi replay: {message}");
            drop(writeln!(std::io::stderr(), "{line}"));
            code
        });
        ExitCode::from(code)
    }

    fn replayed(&self, out: &mut dyn Write) -> Result<u8, Unusable> {
        let anchors = anchors("--roots", &self.roots)?;
        let platform_keys = platform_keys(&self.platform_key, &self.roots)?;
        let roots = Roots { anchors: &anchors, platform_keys: &platform_keys };
        let bytes = read(&self.file)?;
        if self.sequence {
            if !self.list.is_empty() {
                return Err(Unusable(USAGE, "--list is for one bundle, not for a sequence".into()));
            }
            return self.sequence(&bytes, &roots, out);
        }
        let lists = self.list.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
        let replayed = replay(&bytes, &roots).and_then(|replayed| {
            let checked = lists.iter().map(|list| replayed.check_list(list, &anchors));
            let checked = checked.collect::<Result<Vec<_>, _>>()?;
            Ok((replayed, checked))
        });
        let (code, text) = match &replayed {
            Ok((replayed, _)) if self.report => match etsi_xml_of_bundle(replayed) {
                Some(report) => (IDENTICAL, report),
                None => return Err(Unusable(UNREADABLE, "there is nothing to report".into())),
            },
            Ok((replayed, checked)) if self.json => (IDENTICAL, identical_json(replayed, checked)),
            Ok((replayed, checked)) => (IDENTICAL, identical(replayed, checked)),
            Err(difference) => (code_of(difference), self.different(difference)),
        };
        drop(writeln!(out, "{text}"));
        Ok(code)
    }

    fn different(&self, difference: &Difference) -> String {
        if self.json {
            return json!({ "identical": false, "code": difference.code(), "difference": difference.to_string() })
                .to_string();
        }
        let what =
            if difference.is_unreadable() { "判断不能 / Unreadable" } else { "相違 / Different" };
        format!("{what}: {difference}")
    }

    /// Replays one after the other; the first bytes that are no bundle end it. A file without any proves nothing.
    fn sequence(&self, bytes: &[u8], roots: &Roots<'_>, out: &mut dyn Write) -> Result<u8, Unusable> {
        let (mut rest, mut count, mut worst) = (bytes, 0_u64, IDENTICAL);
        let mut first = None;
        let mut indications = std::collections::BTreeMap::new();
        while !rest.is_empty() {
            let one = split_first(rest).and_then(|(bundle, after)| {
                rest = after;
                replay(bundle, roots)
            });
            match one {
                Ok(replayed) => {
                    let sub = replayed.verdict.sub_indication().map_or("", |sub| sub.as_str());
                    let indication = replayed.verdict.indication().as_str();
                    *indications
                        .entry(format!("{indication} {sub}").trim_end().to_owned())
                        .or_insert(0_u64) += 1;
                }
                Err(difference) => {
                    worst = worst.max(code_of(&difference));
                    let unreadable = matches!(difference, Difference::NotABundle(_));
                    first.get_or_insert((count, difference));
                    if unreadable {
                        break;
                    }
                }
            }
            count += 1;
        }
        if count == 0 {
            return Err(Unusable(UNREADABLE, "there is no bundle in the file".into()));
        }
        let text = if self.json {
            let first = first.map(|(at, difference)| {
                json!({ "at": at, "code": difference.code(), "difference": difference.to_string() })
            });
            json!({ "replayed": count, "identical": first.is_none(), "first": first, "indications": indications })
                .to_string()
        } else {
            let mut lines = vec![format!("再現 / Replayed: {count}")];
            lines.extend(indications.iter().map(|(indication, count)| format!("  {count:>8}  {indication}")));
            lines.push(match first {
                None => "すべて同一 / All identical.".to_owned(),
                Some((at, difference)) => format!("{at}: {}", self.different(&difference)),
            });
            lines.join("\n")
        };
        drop(writeln!(out, "{text}"));
        Ok(worst)
    }
}

fn code_of(difference: &Difference) -> u8 {
    if difference.is_unreadable() { UNREADABLE } else { DIFFERENT }
}

fn identical_json(replayed: &Replayed, checked: &[usize]) -> String {
    let Replayed { content, verdict, audit } = replayed;
    let rules: Vec<_> = content.rules.iter().map(|rule| rule.result.id()).collect();
    let lists: Vec<_> = content
        .evidence
        .lists
        .iter()
        .enumerate()
        .map(|(index, list)| {
            let commitment = &list.commitment;
            json!({
                "number": commitment.number, "this_update": commitment.this_update, "entries": commitment.entries,
                "sha256": hex::encode(commitment.sha256), "tree_root": hex::encode(commitment.root),
                "checked_with_the_list": checked.contains(&index),
            })
        })
        .collect();
    json!({
        "identical": true, "kind": content.kind(), "verdict": verdict, "engine": content.engine, "recorded_rules": rules, "lists": lists,
        "audit": { "index": audit.index, "size": audit.size, "root_hash": hex::encode(audit.root) },
    })
    .to_string()
}

fn identical(replayed: &Replayed, checked: &[usize]) -> String {
    let Replayed { content, verdict, audit } = replayed;
    let mut lines = vec![
        "同一 / Identical: 記録された判定が導き直されました。The recorded verdict follows from the bundle."
            .to_owned(),
        format!("判定 / verdict     {}", verdict.indication()),
    ];
    if content.evidence.presence.is_some() {
        lines.push(
            "保証 / assurance   暗証番号なしでかざされたカード。本人の認証ではありません / a card held out without PIN; its holder did not authenticate"
                .to_owned(),
        );
    }
    if let (Some(sub), Some(reason)) = (verdict.sub_indication(), verdict.reason()) {
        lines.push(format!("理由 / reason      {sub}, {reason}: {}", reason.ja().what));
        lines.push(format!("                   {}", reason.en().what));
    }
    lines.push(format!("時点 / judged at   {}", verdict.judged_at().rfc3339()));
    lines.push(format!("監査 / audit log   {} ({}: {})", audit.index, audit.size, hex::encode(audit.root)));
    for (index, list) in content.evidence.lists.iter().enumerate() {
        let commitment = &list.commitment;
        let word = if checked.contains(&index) {
            "リストで確認 / checked with the list"
        } else {
            "プラットフォームの言明による / on the platform's word; check it with --list"
        };
        lines.push(format!(
            "失効 / list        {} ({} entries, {}): {word}",
            commitment.number,
            commitment.entries,
            hex::encode(commitment.sha256)
        ));
    }
    for check in verdict.checks() {
        let recorded = content.rules.iter().any(|rule| rule.result.id() == check.id());
        let word =
            if recorded { "  (プラットフォームの言明 / on the platform's word)" } else { "" };
        lines.push(format!("  {:<12} {}{word}", format!("{:?}", check.outcome()).to_lowercase(), check.id()));
    }
    lines.join("\n")
}
