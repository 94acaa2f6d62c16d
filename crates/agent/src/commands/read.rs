//! `musubi-agent read`: what is on a card. Judges no certificate: `musubi verify` does. The My Number is not read; there is
//! no function for it.

use std::path::{Path, PathBuf};

use musubi_card::client::{Card, CardError};
use musubi_card::transport::Transport;
use musubi_card::{CertificateKind, PinReference, StatusWord};
use musubi_kernel::{UnixTime, shown};
use musubi_pki::{Environment, UnverifiedCertificate};

use super::{CardArguments, enter, pin, standing};
use crate::messages::Condition;
use crate::terminal::Terminal;

/// Reads a card.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Read this certificate.
    #[arg(long, value_enum, value_name = "WHICH")]
    certificate: Option<Which>,
    /// Save the certificate in this file (DER); the file must not exist.
    #[arg(long, requires = "certificate", value_name = "FILE")]
    out: Option<PathBuf>,
    /// Read name, address, date of birth and sex from the card's text; asks for its PIN.
    #[arg(long, conflicts_with = "certificate")]
    attributes: bool,
    #[command(flatten)]
    pub(crate) card: CardArguments,
}

/// A certificate on the card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Which {
    /// 利用者証明用; free on the plastic card.
    Auth,
    /// 署名用; asks for its password.
    Sign,
    /// Of the authority of the first.
    AuthCa,
    /// Of the authority of the second.
    SignCa,
}

impl Which {
    fn key(self) -> &'static str {
        match self {
            Self::Auth => "cli.authentication",
            Self::Sign => "cli.signature",
            Self::AuthCa => "cli.authentication_authority",
            Self::SignCa => "cli.signature_authority",
        }
    }
}

/// Runs `read`.
pub(crate) fn run<T: Transport>(
    card: &mut Card<T>,
    arguments: &Arguments,
    now: UnixTime,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    if arguments.attributes {
        return attributes(card, &arguments.card, terminal);
    }
    let Some(which) = arguments.certificate else { return overview(card, now, terminal) };
    let der = certificate(card, which, &arguments.card, terminal)?;
    describe(which, &der, now, terminal)?;
    if let Some(path) = &arguments.out {
        save(path, &der)?;
        let text = terminal.tr.with("cli.saved", &[("path", shown(&path.display().to_string()))]);
        terminal.say(&text);
    }
    Ok(())
}

/// Writes a new file; what is there already is not overwritten.
pub(super) fn save(path: &Path, content: &[u8]) -> Result<(), Condition> {
    std::fs::File::create_new(path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, content))
        .map_err(|error| Condition::unwritable(path, &error))
}

fn overview<T: Transport>(
    card: &mut Card<T>,
    now: UnixTime,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    let overview = card.overview()?;
    let kind = match overview.label.as_str() {
        "JPKIAPGPSETOKEN" => "cli.token.android",
        "JPKIAPIOSTOKEN" => "cli.token.ios",
        _ => "cli.token.card",
    };
    let kind = format!("{} ({})", terminal.tr.get(kind), shown(&overview.label));
    terminal.tell("cli.token", &kind);
    for (key, there) in
        [("cli.authentication", overview.has_authentication), ("cli.signature", overview.has_signature)]
    {
        let value = terminal.tr.get(if there { "cli.present" } else { "cli.absent" });
        terminal.tell(key, value);
    }
    if overview.has_authentication {
        pin::status(card, PinReference::Authentication, terminal)?;
    }
    if overview.has_signature {
        pin::status(card, PinReference::Signature, terminal)?;
    }
    pin::status(card, PinReference::TextAttributes, terminal)?;
    match card.authentication_certificate() {
        Ok(der) => {
            terminal.say("");
            describe(Which::Auth, &der, now, terminal)
        }
        // A phone asks for the PIN first; whoever wants it reads the certificate by its name.
        Err(CLOSED | CardError::CertificateAbsent(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What a card says of a certificate whose PIN was not presented.
const CLOSED: CardError =
    CardError::Unexpected { command: "READ BINARY", status: StatusWord::SECURITY_STATUS };

fn certificate<T: Transport>(
    card: &mut Card<T>,
    which: Which,
    arguments: &CardArguments,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<u8>, Condition> {
    match which {
        Which::Auth => match card.authentication_certificate() {
            Err(CLOSED) => {
                present(card, PinReference::Authentication, arguments, terminal)?;
                Ok(card.authentication_certificate()?)
            }
            other => Ok(other?),
        },
        Which::Sign => signature_certificate(card, arguments, terminal),
        Which::AuthCa => Ok(card.authority_certificate(CertificateKind::UserAuthentication)?),
        Which::SignCa => Ok(card.authority_certificate(CertificateKind::DigitalSignature)?),
    }
}

/// The signature certificate, which its password opens; the password opens the key, too.
pub(super) fn signature_certificate<T: Transport>(
    card: &mut Card<T>,
    arguments: &CardArguments,
    terminal: &mut Terminal<'_>,
) -> Result<Vec<u8>, Condition> {
    // Before the password is asked for: a try is not spent on what is not there.
    if !card.overview()?.has_signature {
        return Err(Condition::CertificateAbsent(CertificateKind::DigitalSignature));
    }
    present(card, PinReference::Signature, arguments, terminal)?;
    Ok(card.signature_certificate()?)
}

fn present<T: Transport>(
    card: &mut Card<T>,
    pin: PinReference,
    arguments: &CardArguments,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    let (value, last_try) = enter(card, pin, arguments, terminal)?;
    Ok(card.verify(pin, &value, last_try)?)
}

/// Reads a certificate that the card holds.
pub(super) fn parsed(der: &[u8]) -> Result<UnverifiedCertificate<'_>, Condition> {
    UnverifiedCertificate::parse(der).map_err(|error| Condition::CardFault(error.to_string()))
}

fn describe(which: Which, der: &[u8], now: UnixTime, terminal: &mut Terminal<'_>) -> Result<(), Condition> {
    let certificate = parsed(der)?;
    let title = terminal.tr.get(which.key());
    terminal.say(title);
    let subject = match which {
        Which::Auth => terminal.tr.get("cli.subject.authentication").to_owned(),
        Which::Sign => holder(&certificate)?,
        Which::AuthCa | Which::SignCa => terminal.tr.get("cli.subject.authority").to_owned(),
    };
    terminal.tell("cli.subject", &subject);
    let (from, until) = (certificate.not_before().in_japan(), certificate.not_after().in_japan());
    let valid = terminal.tr.with("cli.valid.value", &[("from", from), ("until", until)]);
    terminal.tell("cli.valid", &valid);
    if let Some((_, Environment::Test)) = certificate.claimed_profile() {
        let text = terminal.tr.get("cli.environment.test");
        terminal.say(text);
    }
    if matches!(which, Which::Auth | Which::Sign)
        && let Some(condition) = standing(certificate.not_before(), certificate.not_after(), now)
    {
        terminal.warn(&condition);
    }
    Ok(())
}

/// Whom a signature certificate names.
pub(super) fn holder(certificate: &UnverifiedCertificate<'_>) -> Result<String, Condition> {
    let attributes = certificate.claimed_attributes();
    attributes
        .map(|attributes| shown(&attributes.name))
        .map_err(|error| Condition::CardFault(error.to_string()))
}

fn attributes<T: Transport>(
    card: &mut Card<T>,
    arguments: &CardArguments,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    let (value, last_try) = enter(card, PinReference::TextAttributes, arguments, terminal)?;
    let read = card.read_attributes(&value, last_try)?;
    terminal.tell("cli.name", &shown(&read.name));
    terminal.tell("cli.address", &shown(&read.address));
    let born = &read.date_of_birth;
    let born = match (born.get(..4), born.get(4..6), born.get(6..)) {
        (Some(year), Some(month), Some(day)) => format!("{year}-{month}-{day}"),
        _ => born.clone(),
    };
    terminal.tell("cli.born", &born);
    let sex = terminal.tr.get(match read.sex {
        1 => "cli.sex.1",
        2 => "cli.sex.2",
        _ => "cli.sex.other",
    });
    terminal.tell("cli.sex", sex);
    Ok(())
}
