//! Bytes on their way: a list that is being fetched (in memory while it is small, in a file without a name once it is
//! large), and sealed lists in the folder from which they are mapped. The database holds everything; a folder is a copy.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use musubi_pki::{Digester, Digests, Sealed, Source, SourceError};
use tempfile::{SpooledData, SpooledTempFile};

use crate::upstream::{Receive, UpstreamError};

/// A list of up to this many bytes is not written to a file while it is fetched.
const IN_MEMORY: usize = 8 << 20;

/// Receives a list.
pub(super) struct Spool {
    bytes: SpooledTempFile,
    digester: Digester,
    received: u64,
    limit: u64,
    told: Box<dyn FnMut(u64) + Send>,
}

impl Spool {
    /// For a list of at most `limit` bytes; `told` hears how many have come.
    pub(super) fn new(folder: Option<&Path>, limit: u64, told: Box<dyn FnMut(u64) + Send>) -> Self {
        let bytes = match folder {
            Some(folder) => tempfile::spooled_tempfile_in(IN_MEMORY, folder),
            None => tempfile::spooled_tempfile(IN_MEMORY),
        };
        Self { bytes, digester: Digester::new(), received: 0, limit, told }
    }

    /// Everything that came, to be read at any place, and its digests.
    pub(super) fn finish(self) -> (Fetched, Option<Digests>) {
        let digests = self.digester.finish();
        let fetched = match self.bytes.into_inner() {
            SpooledData::InMemory(bytes) => Fetched::Memory(bytes.into_inner()),
            SpooledData::OnDisk(file) => Fetched::File(file, self.received),
        };
        (fetched, digests)
    }
}

impl Receive for Spool {
    fn received(&self) -> u64 {
        self.received
    }

    fn chunk(&mut self, bytes: &[u8]) -> Result<(), UpstreamError> {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.received = self.received.saturating_add(length);
        if self.received > self.limit {
            return Err(UpstreamError::Malformed);
        }
        self.bytes.write_all(bytes).map_err(|_| UpstreamError::NotKept)?;
        self.digester.update(bytes);
        (self.told)(self.received);
        Ok(())
    }
}

/// A list that was fetched.
pub(super) enum Fetched {
    Memory(Vec<u8>),
    File(File, u64),
}

impl Source for Fetched {
    fn len(&self) -> u64 {
        match self {
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::File(_, length) => *length,
        }
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), SourceError> {
        match self {
            Self::Memory(bytes) => Source::read_at(&bytes.as_slice(), offset, into),
            Self::File(file, _) => file.read_exact_at(into, offset).map_err(|_| SourceError),
        }
    }
}

/// The name of a sealed list in the folder.
fn path_of(folder: &Path, sealed_sha256: &[u8; 32]) -> PathBuf {
    folder.join(format!("{}.sealed", hex::encode(sealed_sha256)))
}

/// Writes sealed bytes into the folder, whole or not at all, and maps them.
pub(super) fn keep(folder: &Path, sealed_sha256: &[u8; 32], bytes: &[u8]) -> io::Result<Sealed> {
    let path = path_of(folder, sealed_sha256);
    musubi_mapping::write_once(&path, bytes)?;
    musubi_mapping::open(&path)
}

/// Maps a sealed list, if the folder has it.
pub(super) fn kept(folder: &Path, sealed_sha256: &[u8; 32]) -> Option<Sealed> {
    musubi_mapping::open(&path_of(folder, sealed_sha256)).ok()
}

/// Deletes the sealed lists that are none of `in_use`. One that is still mapped stays readable to whoever has it.
pub(super) fn forget_others(folder: &Path, in_use: &[[u8; 32]]) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let sealed = path.extension().is_some_and(|extension| extension == "sealed");
        if sealed && !in_use.iter().any(|digest| path_of(folder, digest) == path) {
            // It is a copy; if it cannot be deleted now, the next list tries again.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Sealed bytes in memory.
pub(super) fn in_memory(bytes: Vec<u8>) -> Sealed {
    Arc::new(bytes)
}
