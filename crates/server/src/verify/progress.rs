//! Which file is being judged, on the standard error, where that takes a while and somebody is looking.

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use musubi_httpkit::page::Lang;

use crate::terminal::shown_path;

/// More files than this take a while.
const MANY_FILES: usize = 20;
/// A file larger than this, in bytes, takes a while.
const LARGE_FILE: u64 = 50_000_000;
const CLEAR_LINE: &str = "\r\u{1B}[2K";

pub(super) struct Progress {
    files: usize,
    is_watched: bool,
}

impl Progress {
    pub(super) fn of(files: &[PathBuf]) -> Self {
        Self { files: files.len(), is_watched: std::io::stderr().is_terminal() }
    }

    pub(super) fn begin(&self, index: usize, file: &Path, language: Lang) {
        if !self.is_watched {
            return;
        }
        let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        let is_large = bytes > LARGE_FILE;
        if self.files <= MANY_FILES && !is_large {
            return;
        }
        let word = language.pick("検証中", "judging");
        let size = if is_large { format!(" ({} MB)", bytes / 1_000_000) } else { String::new() };
        let line = format!("{word} {}/{} {}{size}", index + 1, self.files, shown_path(file));
        Self::write(&format!("{CLEAR_LINE}{line}"));
    }

    pub(super) fn end(&self) {
        if self.is_watched {
            Self::write(CLEAR_LINE);
        }
    }

    fn write(text: &str) {
        let mut out = std::io::stderr();
        // Who is no longer looking misses nothing.
        drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}
