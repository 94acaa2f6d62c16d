//! `musubi-agent sign`: signs a file with the digital-signature key of a card. Shows what is signed and for whom before
//! the password is asked for. Judges nothing: `musubi verify` does.

mod cms;

use std::ffi::OsString;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use musubi_card::CertificateKind;
use musubi_card::client::Card;
use musubi_card::transport::Transport;
use musubi_crypto::{DigestAlgorithm, Hasher, Sha256Digest, sha256};
use musubi_kernel::{UnixTime, shown};

use super::CardArguments;
use super::read::{holder, parsed, save, signature_certificate};
use super::standing;
use crate::messages::Condition;
use crate::terminal::Terminal;

/// Signs a file.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// The file to be signed.
    file: PathBuf,
    /// Where the signature goes; the file's name with .p7s (.sig with --raw) unless given. It must not exist.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write the bare signature (RSASSA-PKCS1-v1_5 with SHA-256, 256 bytes), without certificate and time.
    #[arg(long)]
    raw: bool,
    #[command(flatten)]
    pub(crate) card: CardArguments,
}

/// Runs `sign`.
pub(crate) fn run<T: Transport>(
    card: &mut Card<T>,
    arguments: &Arguments,
    now: UnixTime,
    terminal: &mut Terminal<'_>,
) -> Result<(), Condition> {
    let (digest, bytes) =
        digest(&arguments.file).map_err(|error| Condition::unreadable(&arguments.file, &error))?;
    let out = arguments.out();
    // Found before a password is entered for nothing; written without overwriting all the same.
    if out.exists() {
        let exists = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(Condition::unwritable(&out, &exists));
    }
    terminal.tell("cli.sign.file", &shown(&arguments.file.display().to_string()));
    let size = terminal.tr.with("cli.sign.bytes", &[("bytes", bytes)]);
    terminal.tell("cli.sign.size", &size);
    terminal.tell("cli.sign.digest", &hex::encode(digest));
    if !arguments.raw {
        let notice = terminal.tr.get("cli.sign.notice");
        terminal.say(notice);
    }

    let der = signature_certificate(card, &arguments.card, terminal)?;
    let certificate = parsed(&der)?;
    terminal.tell("cli.sign.signer", &holder(&certificate)?);
    match standing(certificate.not_before(), certificate.not_after(), now) {
        Some(near @ Condition::NearRenewal(_)) => terminal.warn(&near),
        Some(refused) => return Err(refused),
        None => {}
    }
    let signature = if arguments.raw {
        card.sign(CertificateKind::DigitalSignature, &digest)?
    } else {
        let attributes = cms::SignedAttributes::new(&digest, &der, now)?;
        let value = card.sign(CertificateKind::DigitalSignature, &sha256(attributes.to_be_signed()))?;
        attributes.signed(&certificate, &value)?
    };
    save(&out, &signature)?;
    let done = terminal.tr.with("cli.sign.done", &[("path", shown(&out.display().to_string()))]);
    terminal.say(&done);
    Ok(())
}

impl Arguments {
    fn out(&self) -> PathBuf {
        self.out.clone().unwrap_or_else(|| {
            let mut name = OsString::from(&self.file);
            name.push(if self.raw { ".sig" } else { ".p7s" });
            PathBuf::from(name)
        })
    }
}

/// SHA-256 of a file of any size, and its length.
fn digest(path: &Path) -> std::io::Result<(Sha256Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        let read = file.read(&mut buffer)?;
        let Some(piece @ [_, ..]) = buffer.get(..read) else { break };
        hasher.update(piece);
        bytes += read as u64;
    }
    let digest = Sha256Digest::try_from(hasher.finish().as_ref());
    Ok((digest.map_err(std::io::Error::other)?, bytes))
}
