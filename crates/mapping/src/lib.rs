//! Files mapped into memory, read-only: a revocation list of many millions is used where it lies, and is there at start
//! without being read. Decides nothing about what the bytes are: whoever opens a file checks its digest.
//!
//! **What the caller promises.** Rust's references must not see their bytes change, and a mapped file that is cut short ends
//! the process (SIGBUS). Neither can be prevented from within the process, so that [`open`] rests on a rule for files: a
//! file is written under a temporary name, flushed to disk ([`write_once`]), renamed to its own name, and **never written to
//! or cut again**; it may be removed, since a mapping keeps what it maps. The folder belongs to the service alone. Who may
//! write there may also replace the program.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// Bytes that are shared and do not change: what `musubi_pki::Sealed` is.
pub type Shared = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Maps a file that was written once; see above for what that means.
///
/// # Errors
/// As the file system says; also if the file is no ordinary one.
pub fn open(path: &Path) -> io::Result<Shared> {
    let file = File::open(path)?;
    let data = file.metadata()?;
    if !data.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "only an ordinary file is mapped"));
    }
    if data.len() == 0 {
        return Ok(Arc::new(Vec::new()));
    }
    Ok(Arc::new(map(&file)?))
}

#[allow(unsafe_code, reason = "the one place; see the head of this file")]
fn map(file: &File) -> io::Result<memmap2::Mmap> {
    // SAFETY: the bytes stay as they are as long as the mapping lives, since files are written once, before they have the name
    // under which they are opened. That is the caller's promise, told at the head.
    unsafe { memmap2::Mmap::map(file) }
}

/// Writes a file that is to be mapped: under a temporary name beside its own, flushed to disk, then renamed, and the folder
/// flushed as well. Whoever finds the name finds the whole. A file that was left by a process that ended midway is
/// overwritten.
///
/// # Errors
/// As the file system says; the file with this name is then what it was.
pub fn write_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.part", std::process::id()));
    let temporary = folder.join(temporary);
    // Removed and made anew, so that no bytes change under a mapping of a file that was left.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&temporary, path));
    if let Err(error) = renamed {
        // The error is told; what cannot be removed is overwritten the next time.
        let _ = std::fs::remove_file(&temporary);
        return Err(error);
    }
    File::open(folder)?.sync_all()
}
