//! `musubi follow verify`: checks a file that `musubi follow` kept, or a daily file, with nothing but the platform's public
//! keys. That a kept file goes on to the present, no file can prove: a heartbeat does.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use musubi_feed::{
    Accepted, DayReader, DayRefusal, Entry, Place, Position, Receiver, Refusal, Stream, VerifyingKey,
    open_entry,
};
use musubi_httpkit::page::Lang;
use serde::Deserialize;

use super::kept::{next_line, token_of};
use super::words::Said;
use super::{BROKEN, FollowError, UNUSABLE};
use crate::cli::say;
use crate::terminal::{languages, shown_path};

/// The arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// The file: kept by `musubi follow --out`, or a daily file.
    file: PathBuf,
    /// The platform's public keys (JWK Set), as published at `/.well-known/jwks.json`.
    #[arg(long, value_name = "JWKS")]
    keys: PathBuf,
    /// The language of the output; by LANG if absent.
    #[arg(long, value_parser = languages())]
    language: Option<Lang>,
}

/// What a file came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) stream: Stream,
    /// Of a daily file, the day.
    pub(super) day: Option<String>,
    pub(super) first: u64,
    pub(super) last: u64,
}

/// Why a file does not hold.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It cannot be read.
    #[error("{0}")]
    File(#[from] std::io::Error),
    /// A line is not what it must be.
    #[error("line {line}: {why}")]
    Line {
        /// From 1.
        line: u64,
        /// Why.
        why: DayRefusal,
    },
    /// A line is no token.
    #[error("line {line} holds no token")]
    NoToken {
        /// From 1.
        line: u64,
    },
    /// The last line is not whole.
    #[error("the last line is cut off")]
    CutOff,
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
}

/// Reads a JWK Set; keys of other kinds are passed over.
pub(super) fn keys(file: &Path) -> Result<Vec<VerifyingKey>, FollowError> {
    #[derive(Deserialize)]
    struct Published {
        keys: Vec<serde_json::Value>,
    }
    let text = std::fs::read(file).map_err(|_| FollowError::Unusable("the file of keys cannot be read"))?;
    let published: Published =
        serde_json::from_slice(&text).map_err(|_| FollowError::Unusable("the file of keys is no JWK Set"))?;
    let keys: Vec<VerifyingKey> = published.keys.iter().filter_map(VerifyingKey::from_jwk).collect();
    if keys.is_empty() {
        Err(FollowError::Unusable("there is no Ed25519 key in the file of keys"))
    } else {
        Ok(keys)
    }
}

impl Verify {
    pub(super) fn run(&self) -> u8 {
        let language = self.language.unwrap_or_else(Lang::of_environment);
        let name = shown_path(&self.file);
        let keys = match keys(&self.keys) {
            Ok(keys) => keys,
            Err(error) => {
                say(&mut std::io::stderr(), &Said::Failed(&error).text(language));
                return UNUSABLE;
            }
        };
        match File::open(&self.file)
            .map_err(Fault::from)
            .and_then(|file| checked(&mut BufReader::new(file), &keys))
        {
            Ok(summary) => {
                say(&mut std::io::stdout(), &Said::Verified(&name, &summary).text(language));
                0
            }
            Err(fault) => {
                say(&mut std::io::stderr(), &Said::NotVerified(&name, &fault).text(language));
                if matches!(fault, Fault::File(_)) { UNUSABLE } else { BROKEN }
            }
        }
    }
}

/// The lines' tokens, with their numbers.
struct Tokens<'a, R> {
    reader: &'a mut R,
    line: u64,
}

impl<R: BufRead> Tokens<'_, R> {
    fn next(&mut self) -> Result<Option<String>, Fault> {
        if self.reader.fill_buf()?.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        let text = next_line(self.reader)?.ok_or(Fault::CutOff)?;
        token_of(&text).map(Some).ok_or(Fault::NoToken { line: self.line })
    }

    fn fault(&self, why: impl Into<DayRefusal>) -> Fault {
        Fault::Line { line: self.line, why: why.into() }
    }
}

/// Checks a whole file.
pub(super) fn checked(reader: &mut impl BufRead, keys: &[VerifyingKey]) -> Result<Summary, Fault> {
    let mut tokens = Tokens { reader, line: 0 };
    let first = tokens.next()?.ok_or(Fault::Empty)?;
    // Whose stream it is, the file says; every line must then be signed for it.
    let stream = Stream::named_in(&first).map_err(|_| Fault::NoToken { line: 1 })?;
    if let Ok(mut day) = DayReader::begin(&first, &stream, keys) {
        while let Some(token) = tokens.next()? {
            day.line(&token).map_err(|why| tokens.fault(why))?;
        }
        let statement = day.statement().clone();
        day.end().map_err(|why| tokens.fault(why))?;
        let (first, last) = (statement.before.sequence + 1, statement.last.sequence);
        return Ok(Summary { stream, day: Some(statement.day), first, last });
    }
    let entry = open_entry(&first, &stream, keys).map_err(|why| tokens.fault(Refusal::from(why)))?;
    let number = entry.position.sequence;
    let mut receiver = Receiver::new(stream.clone(), keys.to_vec(), before(&stream, &entry));
    let mut next = Some(first);
    while let Some(token) = next {
        match receiver.accept(&token) {
            Ok(Accepted::New(_)) => {}
            Ok(Accepted::Again | Accepted::Old) => return Err(tokens.fault(DayRefusal::TooMany)),
            Err(refusal) => return Err(tokens.fault(refusal)),
        }
        next = tokens.next()?;
    }
    Ok(Summary { stream, day: None, first: number, last: receiver.place().last().sequence })
}

/// The place before a file's first entry. Of the stream's first one it is known; of a later one the entry says it.
fn before(stream: &Stream, entry: &Entry) -> Place {
    match entry.position.sequence {
        1 => Place::from(stream),
        later => Place::after(Position { sequence: later.saturating_sub(1), hash: entry.previous }),
    }
}
