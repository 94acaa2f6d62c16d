//! `musubi verify FILE…`: judges the signatures of files, for people without a server. Reads the clock once, if no time
//! is given; fetches nothing.
//!
//! Exit codes: 0 every document TOTAL-PASSED, 1 a verdict that is not, 2 something could not be judged (unreadable, no
//! signature in it), 64 wrong arguments. Of several files the highest counts.

mod advice;
mod human;
mod input;
mod json;
mod progress;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use musubi_kernel::UnixTime;
use musubi_pki::{Indication, ValidationPolicy};
use musubi_signature::report::etsi_xml_of;
use musubi_signature::{
    Context, DocumentJudgement, FORMATS, NotASignature, judge_document, judge_document_as, raw,
};

use self::human::Summary;
use self::input::Material;
pub(crate) use self::input::{one_certificate, read};
use self::progress::Progress;
use crate::cli::{Failure, say};
use musubi_httpkit::page::Lang;

use crate::terminal::{languages, shown_path};

/// A verdict that is not TOTAL-PASSED.
const NOT_PASSED: u8 = 1;
/// Something could not be judged.
const UNDECIDED: u8 = 2;
/// Wrong arguments.
const USAGE: u8 = 64;

/// The arguments of `musubi verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The files whose signatures are judged: PDF, XML, CMS (DER or PEM), JWS, time-stamps.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The signed content, where the signature does not hold it (one FILE only).
    #[arg(long, value_name = "FILE")]
    content: Option<PathBuf>,
    /// A raw signature value over FILE; needs --certificate.
    #[arg(long, value_name = "FILE", requires = "certificate", conflicts_with_all = ["content", "format"])]
    signature: Option<PathBuf>,
    /// The certificate of a raw signature (DER or PEM).
    #[arg(long, value_name = "FILE", requires = "signature")]
    certificate: Option<PathBuf>,
    /// The raw RSA signature was padded around the bare SHA-256 digest, as the Digital Agency's signing service does
    /// when it is given one. Accepted only if the policy says so too.
    #[arg(long, requires = "signature")]
    insecure_bare_digest: bool,
    /// Trusted authorities: a certificate, a PEM file of several, or a folder of such; may be given several times.
    /// Without it the six roots of the JPKI.
    #[arg(long, value_name = "PATH")]
    pub(super) trust: Vec<PathBuf>,
    /// Trusted time-stamping authorities, likewise; without it those of --trust.
    #[arg(long, value_name = "PATH")]
    pub(super) trust_timestamps: Vec<PathBuf>,
    /// Further certificates on the way to an authority, likewise.
    #[arg(long, value_name = "PATH")]
    pub(super) certificates: Vec<PathBuf>,
    /// Revocation lists beside those in the file (DER or PEM), likewise.
    #[arg(long, value_name = "PATH")]
    pub(super) crl: Vec<PathBuf>,
    /// OCSP responses beside those in the file (DER or PEM), likewise.
    #[arg(long, value_name = "PATH")]
    pub(super) ocsp: Vec<PathBuf>,
    /// The validation policy (JSON, docs/validation-policies.md).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The time for which it is judged (RFC 3339); now if absent.
    #[arg(long, value_name = "TIME", value_parser = UnixTime::parse_rfc3339)]
    at: Option<UnixTime>,
    /// The format, if it is not to be recognised.
    #[arg(long, value_parser = FORMATS.iter().map(|format| format.id).collect::<Vec<_>>())]
    format: Option<String>,
    /// One line of JSON for each signature.
    #[arg(long, conflicts_with = "report")]
    json: bool,
    /// A validation report of ETSI TS 119 102-2 (XML), for one FILE.
    #[arg(long)]
    report: bool,
    /// The language of the output; by LANG if absent.
    #[arg(long, value_parser = languages())]
    language: Option<Lang>,
}

impl Arguments {
    /// What clap does not see.
    fn misused(&self) -> Option<&'static str> {
        let of_one = self.content.is_some() || self.signature.is_some() || self.report;
        (of_one && self.files.len() > 1).then_some("--content, --signature and --report take one FILE")
    }

    fn language(&self) -> Lang {
        self.language.unwrap_or_else(Lang::of_environment)
    }
}

/// Runs the command. `now` is the time for which it is judged if none is given.
pub(crate) fn run(arguments: &Arguments, now: UnixTime) -> ExitCode {
    let code = match arguments.misused() {
        Some(why) => complain(why, USAGE),
        None => judged(arguments, now).unwrap_or_else(|error| complain(&error.to_string(), UNDECIDED)),
    };
    ExitCode::from(code)
}

fn complain(why: &str, code: u8) -> u8 {
    say(&mut std::io::stderr(), &format!("musubi verify: {why}"));
    code
}

/// Why a file was not judged.
enum NotJudged {
    /// It holds nothing to judge.
    Document(NotASignature),
    /// It cannot be read, or what is given beside it.
    Input(Failure),
}

impl From<NotASignature> for NotJudged {
    fn from(why: NotASignature) -> Self {
        Self::Document(why)
    }
}

impl From<Failure> for NotJudged {
    fn from(why: Failure) -> Self {
        Self::Input(why)
    }
}

fn judged(arguments: &Arguments, now: UnixTime) -> Result<u8, Failure> {
    let policy = match &arguments.policy {
        Some(path) => serde_json::from_slice(&read(path)?)
            .map_err(|error| format!("--policy: {}: {error}", shown_path(path)))?,
        None => ValidationPolicy::default(),
    };
    let material = Material::read(arguments)?;
    let (certificates, crls, ocsp) =
        (slices(&material.certificates), slices(&material.crls), slices(&material.ocsp));
    let context = Context {
        anchors: &material.anchors,
        timestamp_anchors: &material.timestamp_anchors,
        certificates: &certificates,
        crls: &crls,
        ocsp: &ocsp,
        policy: &policy,
        judged_at: arguments.at.unwrap_or(now),
    };
    let language = arguments.language();
    let progress = Progress::of(&arguments.files);
    let mut summary = Summary::default();
    let mut worst = 0;
    for (index, file) in arguments.files.iter().enumerate() {
        progress.begin(index, file, language);
        let outcome = judge(file, arguments, &context);
        progress.end();
        worst = worst.max(tell(file, &outcome, arguments, &context, language));
        summary.count(outcome.ok().map(|judgement| judgement.indication()));
    }
    if let Some(line) = summary.text(language).filter(|_| !arguments.json && !arguments.report) {
        say(&mut std::io::stdout(), &line);
    }
    Ok(worst)
}

/// Writes what one file came to; the exit code.
fn tell(
    file: &Path,
    outcome: &Result<DocumentJudgement, NotJudged>,
    arguments: &Arguments,
    context: &Context<'_>,
    language: Lang,
) -> u8 {
    match outcome {
        Ok(judgement) => {
            let text = if arguments.json {
                json::lines(file, judgement, context)
            } else if arguments.report {
                etsi_xml_of(judgement, context.policy, context.judged_at).unwrap_or_default()
            } else {
                human::text(file, judgement, context, language)
            };
            say(&mut std::io::stdout(), text.trim_end());
            if judgement.indication() == Indication::TotalPassed { 0 } else { NOT_PASSED }
        }
        Err(why) if arguments.json => {
            let (code, message) = match why {
                NotJudged::Document(why) => (human::code(why), why.to_string()),
                NotJudged::Input(why) => ("unreadable", why.to_string()),
            };
            say(&mut std::io::stdout(), &json::error(file, code, &message));
            UNDECIDED
        }
        Err(why) => {
            let text = match why {
                NotJudged::Document(why) => human::not_judged(file, why, language),
                NotJudged::Input(why) => format!("musubi verify: {why}"),
            };
            say(&mut std::io::stderr(), &text);
            UNDECIDED
        }
    }
}

fn judge(file: &Path, arguments: &Arguments, context: &Context<'_>) -> Result<DocumentJudgement, NotJudged> {
    let bytes = read(file)?;
    if let (Some(signature), Some(certificate)) = (&arguments.signature, &arguments.certificate) {
        return judge_raw(&bytes, signature, certificate, arguments.insecure_bare_digest, context);
    }
    let content = arguments.content.as_deref().map(read).transpose()?;
    let content = content.as_deref();
    let known = arguments.format.as_ref().and_then(|id| FORMATS.iter().find(|format| format.id == id));
    Ok(match known {
        Some(format) => judge_document_as(format, &bytes, content, context)?,
        None => judge_document(&bytes, content, context)?,
    })
}

fn judge_raw(
    content: &[u8],
    signature: &Path,
    certificate: &Path,
    is_bare_digest: bool,
    context: &Context<'_>,
) -> Result<DocumentJudgement, NotJudged> {
    let (signature, certificate) = (read(signature)?, one_certificate("--certificate", certificate)?);
    let mut given = raw::RawSignature::new(&certificate, &signature, raw::Given::Bytes(content));
    if is_bare_digest {
        given.padding = raw::RsaPadding::InsecureBareDigestOfTheDigitalAgencysSigningService;
    }
    let found = raw::found(&given, context.policy)?;
    Ok(DocumentJudgement::of_one("raw", content, found, context))
}

fn slices(list: &[Vec<u8>]) -> Vec<&[u8]> {
    list.iter().map(Vec::as_slice).collect()
}
