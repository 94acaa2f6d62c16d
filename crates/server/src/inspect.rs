//! `musubi inspect FILE`: what a file holds, field by field: certificates, revocation lists and OCSP responses, or how a
//! document is signed. Judges nothing and verifies nothing.
//!
//! Exit codes: 0 told, 2 nothing can be told, 64 wrong arguments.

use std::path::PathBuf;
use std::process::ExitCode;

use musubi_pki::inspect::{self, InspectError, Options, subject_text};
use musubi_signature::{Format, Found, Level, NotASignature, Signer, detect};
use serde_json::json;

use crate::cli::{Failure, say};
use crate::terminal::{shown, shown_json, shown_path};
use crate::verify::read;

/// Nothing can be told.
const UNREADABLE: u8 = 2;

/// The arguments of `musubi inspect`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A certificate, revocation list or OCSP response (DER or PEM), or a signed document.
    file: PathBuf,
    /// With the personal data of a certificate of the JPKI: name, address, date of birth, sex, municipality.
    #[arg(long)]
    personal: bool,
    /// One JSON object per line instead of text.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match told(arguments) {
        Ok(text) => {
            say(&mut std::io::stdout(), text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            say(&mut std::io::stderr(), &format!("musubi inspect: {error}"));
            ExitCode::from(UNREADABLE)
        }
    }
}

fn told(arguments: &Arguments) -> Result<String, Failure> {
    let bytes = read(&arguments.file)?;
    let Arguments { personal, json, .. } = *arguments;
    let told = match inspect::run(&bytes, Options { personal, json }) {
        Err(error @ (InspectError::Unrecognised | InspectError::Pem)) => {
            document(&bytes, json).ok_or_else(|| format!("{error}; nor a document of a known format"))
        }
        other => other.map_err(|error| error.to_string()),
    };
    let text = told.map_err(|why| format!("{}: {why}", shown_path(&arguments.file)))?;
    Ok(if json { text.lines().map(shown_json).collect::<Vec<_>>().join("\n") } else { text })
}

/// How a document is signed; `None` if it is none.
fn document(bytes: &[u8], json: bool) -> Option<String> {
    let format = detect(bytes)?;
    let (is_elsewhere, found) = match format.find(bytes, None) {
        // What stands in the signature can be told without its content.
        Err(NotASignature::ContentMissing) => (true, format.find(bytes, Some(&[])).ok()?),
        Err(NotASignature::NoSignature) => (false, Vec::new()),
        Err(_) => return None,
        Ok(found) => (false, found),
    };
    Some(if json { as_json(format, is_elsewhere, &found) } else { as_text(format, is_elsewhere, &found) })
}

fn signer(found: &Found<'_>) -> Option<String> {
    match &found.signer {
        Signer::Certificate(der) => subject_text(der),
        Signer::NotFound => None,
    }
}

fn as_json(format: &Format, is_elsewhere: bool, found: &[Found<'_>]) -> String {
    let one = |found: &Found<'_>| {
        json!({
            "format": found.format,
            "level": found.level.as_str(),
            "location": found.location,
            "covers": found.extent.to_string(),
            "signer": signer(found),
            "claimed_signing_time": found.claimed_signing_time,
            "timestamps": found.timestamps.len(),
            "certificates": found.certificates.len(),
            "crls": found.crls.len(),
            "ocsp": found.ocsp.len(),
        })
    };
    json!({
        "kind": "document",
        "format": format.id,
        "content": if is_elsewhere { "elsewhere" } else { "inside" },
        "signatures": found.iter().map(one).collect::<Vec<_>>(),
    })
    .to_string()
}

fn as_text(format: &Format, is_elsewhere: bool, found: &[Found<'_>]) -> String {
    let mut lines = vec![
        "Document (文書)".to_owned(),
        format!("  format (形式)        {}", format.id),
        format!("  signatures (署名)    {}", found.len()),
    ];
    if is_elsewhere {
        lines.push("  content (内容)       another file (別のファイル)".to_owned());
    }
    for (index, found) in found.iter().enumerate() {
        let level = match found.level {
            Level::Plain => String::new(),
            level => format!("-{}", level.as_str()),
        };
        lines.push(format!("  {}. {}{level}", index + 1, found.format));
        let signer = signer(found).unwrap_or_else(|| "(not told 不明)".to_owned());
        let claimed =
            found.claimed_signing_time.map_or_else(|| "(not told 記載なし)".to_owned(), |at| at.to_string());
        for (label, value) in [
            ("signer (署名者)      ", signer),
            ("place (場所)         ", found.location.clone()),
            ("protects (保護範囲)  ", found.extent.to_string()),
            ("claimed time (日時)  ", claimed),
            ("time-stamps          ", found.timestamps.len().to_string()),
            ("certificates (証明書)", found.certificates.len().to_string()),
            ("lists (失効リスト)   ", found.crls.len().to_string()),
            ("OCSP responses       ", found.ocsp.len().to_string()),
        ] {
            lines.push(format!("     {label}  {}", shown(&value)));
        }
    }
    lines.push("Nothing is verified here: musubi verify does. (ここでは検証しません。)".to_owned());
    lines.join("\n")
}
