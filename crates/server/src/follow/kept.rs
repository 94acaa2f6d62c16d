//! What a follower keeps: entries in one file, one JSON object in each line, and its place in another.
//!
//! ```text
//!  1. lines appended to the file of entries, then fsync       (cut off here: the lines count, see below)
//!  2. place written beside, fsync, renamed over, fsync of its folder
//! ```
//! The place says how long the file of entries was. At the start, lines beyond that are checked in the chain and counted, and
//! a line that was cut off is removed: so each entry stands in the file once, also after kill -9 or a loss of power between
//! any two of these steps.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use musubi_feed::{Accepted, Entry, Place, Receiver, Refusal, Stream, VerifyingKey};
use serde::{Deserialize, Serialize};

/// Longest line that is read.
pub(super) const MAX_LINE: u64 = 128 * 1024;
/// Form of the place's file.
const VERSION: u32 = 1;

/// Why files cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    /// Reading or writing failed.
    #[error("{what}: {error}")]
    File {
        /// What was done.
        what: &'static str,
        /// The system's answer.
        error: std::io::Error,
    },
    /// Another process follows with the same place.
    #[error("another process follows with this place")]
    InUse,
    /// The place is not one, or that of another stream.
    #[error("the file of the place is not that of this stream")]
    OtherPlace,
    /// The file of entries is shorter than the place says.
    #[error("the file of entries is shorter than it was: lines were removed")]
    Shortened,
    /// A line of the file of entries is not what the platform sent.
    #[error("line {line} of the file of entries does not follow: {refusal}")]
    Line {
        /// From 1, of those that were looked at.
        line: u64,
        /// Why.
        refusal: Refusal,
    },
    /// A line is no JSON object with a token.
    #[error("line {line} of the file of entries cannot be read")]
    Unreadable {
        /// From 1, of those that were looked at.
        line: u64,
    },
}

fn failed(what: &'static str) -> impl FnOnce(std::io::Error) -> KeptError {
    move |error| KeptError::File { what, error }
}

/// One line of the file of entries.
#[derive(Serialize)]
struct Line<'a> {
    sequence: u64,
    event: &'static str,
    subject: Option<&'a str>,
    recorded_at: String,
    body: &'a serde_json::Map<String, serde_json::Value>,
    token: &'a str,
}

/// The place's file.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    issuer: String,
    audience: String,
    /// Bytes of the file of entries that the place covers.
    length: u64,
    place: Place,
}

/// The token of a line: a JSON object with a member `token`, or a JSON text (a daily file).
pub(super) fn token_of(line: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Object { token: String },
        Text(String),
    }
    match serde_json::from_str(line).ok()? {
        Either::Object { token } | Either::Text(token) => Some(token),
    }
}

/// The next whole line; `None` at the end of the file or of what was written whole.
pub(super) fn next_line(reader: &mut impl std::io::BufRead) -> std::io::Result<Option<String>> {
    let mut bytes = Vec::new();
    reader.take(MAX_LINE).read_until(b'\n', &mut bytes)?;
    if bytes.pop() != Some(b'\n') {
        return Ok(None);
    }
    String::from_utf8(bytes).map(Some).map_err(std::io::Error::other)
}

/// The files.
pub(crate) struct Kept {
    place: PathBuf,
    /// `None`: the standard output.
    out: Option<File>,
    length: u64,
    stream: Stream,
    /// Held as long as the process lives.
    _lock: File,
}

impl Kept {
    /// Opens the files, and counts what is in the file of entries already. Answers the place.
    pub(crate) fn open(
        place: &Path,
        out: Option<&Path>,
        stream: &Stream,
        keys: &[VerifyingKey],
    ) -> Result<(Self, Place), KeptError> {
        let lock = private(&beside(place, "lock")).map_err(failed("the lock cannot be made"))?;
        lock.try_lock().map_err(|_| KeptError::InUse)?;
        let stored = stored(place, stream)?;
        let (mut length, mut at) =
            stored.map_or((0, Place::from(stream)), |stored| (stored.length, stored.place));
        let out = out.map(private).transpose().map_err(failed("the file of entries cannot be opened"))?;
        if let Some(file) = &out {
            (length, at) = counted(file, length, at, stream, keys)?;
        }
        let kept = Self { place: place.to_owned(), out, length, stream: stream.clone(), _lock: lock };
        kept.save(&at)?;
        Ok((kept, at))
    }

    /// Appends entries that were accepted, then keeps the place after them.
    pub(crate) fn append(&mut self, entries: &[(Entry, String)], place: &Place) -> Result<(), KeptError> {
        let mut lines = Vec::new();
        for (entry, token) in entries {
            let line = Line {
                sequence: entry.position.sequence,
                event: entry.event.name(),
                subject: entry.event.subject.as_deref(),
                recorded_at: entry.at.rfc3339(),
                body: &entry.event.body,
                token,
            };
            serde_json::to_writer(&mut lines, &line)
                .map_err(|error| failed("an entry cannot be written")(error.into()))?;
            lines.push(b'\n');
        }
        if !lines.is_empty() {
            let what = "the file of entries cannot be written";
            match &mut self.out {
                Some(file) => {
                    file.write_all(&lines).map_err(failed(what))?;
                    file.sync_data().map_err(failed(what))?;
                    self.length += u64::try_from(lines.len()).unwrap_or_default();
                }
                None => {
                    let mut out = std::io::stdout();
                    out.write_all(&lines).and_then(|()| out.flush()).map_err(failed(what))?;
                }
            }
        }
        self.save(place)
    }

    /// Keeps the token that contradicts what was received, and that it did.
    pub(crate) fn contradicted(&self, token: &str, place: &Place) -> Result<(), KeptError> {
        let what = "the evidence cannot be written";
        let mut file = private(&beside(&self.place, "contradiction")).map_err(failed(what))?;
        file.write_all(token.as_bytes()).and_then(|()| file.write_all(b"\n")).map_err(failed(what))?;
        file.sync_all().map_err(failed(what))?;
        self.save(place)
    }

    fn save(&self, place: &Place) -> Result<(), KeptError> {
        let what = "the place cannot be written";
        let stored = Stored {
            version: VERSION,
            issuer: self.stream.issuer.clone(),
            audience: self.stream.audience.clone(),
            length: self.length,
            place: place.clone(),
        };
        let json = serde_json::to_vec(&stored).map_err(|error| failed(what)(error.into()))?;
        let new = beside(&self.place, "new");
        let mut file = private(&new).map_err(failed(what))?;
        // One that a crash left behind is written over.
        file.set_len(0).map_err(failed(what))?;
        file.write_all(&json).map_err(failed(what))?;
        file.sync_all().map_err(failed(what))?;
        std::fs::rename(&new, &self.place).map_err(failed(what))?;
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(failed(what))
    }
}

fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Opens for reading and appending; a new file is its owner's alone, since entries name customers.
fn private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn stored(path: &Path, stream: &Stream) -> Result<Option<Stored>, KeptError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("the place cannot be read")(error)),
    };
    let stored: Stored = serde_json::from_slice(&bytes).map_err(|_| KeptError::OtherPlace)?;
    let same =
        stored.version == VERSION && stored.issuer == stream.issuer && stored.audience == stream.audience;
    if same { Ok(Some(stored)) } else { Err(KeptError::OtherPlace) }
}

/// Counts the lines after `length`, and cuts off one that is not whole.
fn counted(
    file: &File,
    mut length: u64,
    place: Place,
    stream: &Stream,
    keys: &[VerifyingKey],
) -> Result<(u64, Place), KeptError> {
    let what = "the file of entries cannot be read";
    let whole = file.metadata().map_err(failed(what))?.len();
    if whole < length {
        return Err(KeptError::Shortened);
    }
    if place.stopped().is_some() {
        return Ok((length, place));
    }
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(length)).map_err(failed(what))?;
    let mut receiver = Receiver::new(stream.clone(), keys.to_vec(), place);
    let mut line = 0;
    while let Some(text) = next_line(&mut reader).map_err(failed(what))? {
        line += 1;
        let token = token_of(&text).ok_or(KeptError::Unreadable { line })?;
        match receiver.accept(&token) {
            Ok(Accepted::New(_)) => {}
            Ok(Accepted::Again | Accepted::Old) => return Err(KeptError::Unreadable { line }),
            Err(refusal) => return Err(KeptError::Line { line, refusal }),
        }
        length += u64::try_from(text.len()).unwrap_or_default() + 1;
    }
    if length < whole {
        file.set_len(length).map_err(failed("the file of entries cannot be cut"))?;
    }
    file.sync_all().map_err(failed("the file of entries cannot be written"))?;
    Ok((length, receiver.place().clone()))
}

#[cfg(test)]
mod tests {
    use musubi_crypto::Ed25519Signer;
    use musubi_feed::{CREDENTIAL_CHANGE, Event, seal_entry};
    use musubi_kernel::UnixTime;

    use super::*;

    struct Truth {
        stream: Stream,
        keys: Vec<VerifyingKey>,
        tokens: Vec<String>,
    }

    fn truth(entries: usize) -> Truth {
        let stream = Stream { issuer: "https://api.test".into(), audience: "rp_1".into() };
        let key = Ed25519Signer::from_seed(&[7; 32]).unwrap();
        let mut last = stream.start();
        let mut tokens = Vec::new();
        for n in 0..entries {
            let body = serde_json::json!({ "customer_id": format!("c-{n}") }).as_object().unwrap().clone();
            let event = Event::about(CREDENTIAL_CHANGE, "pw".into(), body);
            let (token, place) = seal_entry(&stream, &last, &event, UnixTime(5), &key);
            tokens.push(token);
            last = place;
        }
        Truth { stream, keys: vec![VerifyingKey::new(key.public_key())], tokens }
    }

    /// Follows from the files in `folder` to entry `to`.
    fn follow(truth: &Truth, folder: &Path, to: usize) -> Result<(), KeptError> {
        let out = folder.join("out.jsonl");
        let (mut kept, place) = Kept::open(&folder.join("place"), Some(&out), &truth.stream, &truth.keys)?;
        let from = usize::try_from(place.last().sequence).unwrap();
        let mut receiver = Receiver::new(truth.stream.clone(), truth.keys.clone(), place);
        for token in &truth.tokens[from..to] {
            let Ok(Accepted::New(entry)) = receiver.accept(token) else { panic!("new") };
            kept.append(&[(entry, token.clone())], receiver.place())?;
        }
        Ok(())
    }

    fn kept_tokens(folder: &Path) -> Vec<String> {
        let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap();
        text.lines().map(|line| token_of(line).unwrap()).collect()
    }

    #[test]
    fn a_crash_inside_a_line_and_before_or_after_the_place_leaves_each_entry_once() {
        let truth = truth(4);
        let before = tempfile::tempdir().unwrap();
        follow(&truth, before.path(), 2).unwrap();
        let after = tempfile::tempdir().unwrap();
        follow(&truth, after.path(), 3).unwrap();
        let (short, long) = (
            std::fs::read(before.path().join("out.jsonl")).unwrap(),
            std::fs::read(after.path().join("out.jsonl")).unwrap(),
        );
        // Each cut costs some writes that reach the disk: every seventeenth byte, and both sides of the line's end.
        let cuts = (short.len()..long.len()).step_by(17).chain([long.len() - 2, long.len() - 1, long.len()]);
        for cut in cuts {
            // The lines were being written; the place is still the old one.
            let folder = tempfile::tempdir().unwrap();
            std::fs::copy(before.path().join("place"), folder.path().join("place")).unwrap();
            std::fs::write(folder.path().join("out.jsonl"), &long[..cut]).unwrap();
            std::fs::write(folder.path().join("place.new"), b"{\"half").unwrap();
            follow(&truth, folder.path(), 4).unwrap();
            assert_eq!(kept_tokens(folder.path()), truth.tokens, "cut at {cut}");
        }
        std::fs::remove_file(after.path().join("place")).unwrap();
        follow(&truth, after.path(), 4).unwrap();
        assert_eq!(kept_tokens(after.path()), truth.tokens, "without a place the file itself says it");
    }

    #[test]
    fn a_file_that_was_shortened_or_changed_is_not_continued() {
        let truth = truth(3);
        let folder = tempfile::tempdir().unwrap();
        follow(&truth, folder.path(), 2).unwrap();
        let out = folder.path().join("out.jsonl");
        let whole = std::fs::read(&out).unwrap();
        std::fs::write(&out, &whole[..whole.len() - 1]).unwrap();
        assert!(matches!(follow(&truth, folder.path(), 3), Err(KeptError::Shortened)));
        for foreign in ["{}\n", "not json\n", "{\"token\":\"x\"}\n"] {
            std::fs::write(&out, [&whole[..], foreign.as_bytes()].concat()).unwrap();
            assert!(follow(&truth, folder.path(), 3).is_err(), "{foreign}");
        }
        std::fs::write(&out, &whole).unwrap();
        let other =
            Truth { stream: Stream { audience: "rp_2".into(), ..truth.stream.clone() }, ..self::truth(0) };
        assert!(matches!(follow(&other, folder.path(), 0), Err(KeptError::OtherPlace)));
        follow(&truth, folder.path(), 3).unwrap();
    }

    #[test]
    fn two_do_not_follow_with_one_place() {
        let truth = truth(0);
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("place");
        let first = Kept::open(&place, None, &truth.stream, &truth.keys).unwrap();
        assert!(matches!(Kept::open(&place, None, &truth.stream, &truth.keys), Err(KeptError::InUse)));
        drop(first);
        assert!(Kept::open(&place, None, &truth.stream, &truth.keys).is_ok());
    }
}
