//! What the holder decided once: which browsers are paired, which sites may ask. One small file of the holder's own,
//! read anew for every question, so that what the command line forgets is forgotten by a running program at once.
//!
//! Holds SHA-256 of pairing secrets, never a secret; no PIN, no name, nothing of a card.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use musubi_crypto::{equal_in_constant_time, sha256};
use musubi_kernel::{Secret, UnixTime};
use serde::{Deserialize, Serialize};

/// The one version of the file that is read and written.
const VERSION: u64 = 1;

/// Largest file that is read, in bytes: more than the largest that is written.
const FILE_LIMIT: u64 = 256 * 1024;

/// So many browsers are remembered; the one that was paired first gives way.
pub(super) const BROWSER_LIMIT: usize = 16;

/// So many sites are remembered; the one that was approved first gives way, and is asked about again.
pub(super) const SITE_LIMIT: usize = 500;

/// Longest origin that is remembered, in bytes: a host name has at most 253.
const ORIGIN_LIMIT: usize = 300;

/// Why the file could not be read or written. Names no content.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The operating system refused.
    #[error("the state file could not be read or written: {0}")]
    Io(#[from] std::io::Error),
    /// It does not have its form.
    #[error("the state file does not have its form; remove it and pair the browsers again")]
    Malformed,
    /// Another version of this program wrote it.
    #[error("the state file is of version {0}, which this program does not know")]
    UnknownVersion(u64),
    /// Other users of the computer may write it: they could let in a browser of theirs.
    #[error("other users may write the state file or its folder; take that right away (chmod go-w)")]
    WritableByOthers,
    /// There is neither `XDG_STATE_HOME` nor `HOME`.
    #[error("there is no folder for the state: set XDG_STATE_HOME or HOME, or name one with --state")]
    NoFolder,
}

/// A site that may ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// Its origin in the browser's spelling.
    pub origin: String,
    /// When the holder agreed, in seconds since 1970.
    pub approved_at: i64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Browser {
    /// SHA-256 of its secret, hexadecimal.
    sha256: String,
    paired_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u64,
    browsers: Vec<Browser>,
    sites: Vec<Site>,
}

impl Default for Content {
    fn default() -> Self {
        Self { version: VERSION, browsers: Vec::new(), sites: Vec::new() }
    }
}

/// The register in its folder.
#[derive(Debug, Clone)]
pub struct Register {
    folder: PathBuf,
}

impl Register {
    /// The register in `folder`, which is made if it is not there, for this user alone.
    ///
    /// # Errors
    /// [`RegisterError`], also if what is there cannot be read: a program that forgot its decisions in silence would
    /// ask the holder to make them again.
    pub fn open(folder: &Path) -> Result<Self, RegisterError> {
        private_folder(folder)?;
        let register = Self { folder: folder.to_owned() };
        register.read()?;
        Ok(register)
    }

    /// `$XDG_STATE_HOME/musubi-agent`, else `$HOME/.local/state/musubi-agent` (XDG Base Directory Specification 0.8).
    ///
    /// # Errors
    /// [`RegisterError::NoFolder`].
    pub fn usual_folder() -> Result<PathBuf, RegisterError> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state =
            absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        state.map(|state| state.join("musubi-agent")).ok_or(RegisterError::NoFolder)
    }

    /// Whether a browser with this secret is paired. Every hash is compared, each in constant time.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn is_paired(&self, secret: &Secret<String>) -> Result<bool, RegisterError> {
        let shown = digest(secret);
        let content = self.read()?;
        let same = |browser: &Browser| equal_in_constant_time(browser.sha256.as_bytes(), shown.as_bytes());
        Ok(content.browsers.iter().fold(false, |found, browser| found | same(browser)))
    }

    /// Pairs a browser with this secret.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn pair(&self, secret: &Secret<String>, at: UnixTime) -> Result<(), RegisterError> {
        let browser = Browser { sha256: digest(secret), paired_at: at.0 };
        self.change(|content| {
            content.browsers.push(browser);
            keep_last(&mut content.browsers, BROWSER_LIMIT);
        })
    }

    /// Forgets the browser with this secret.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn forget_browser(&self, secret: &Secret<String>) -> Result<(), RegisterError> {
        let shown = digest(secret);
        self.change(|content| content.browsers.retain(|browser| browser.sha256 != shown))
    }

    /// Forgets every browser, and says how many there were.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn forget_browsers(&self) -> Result<usize, RegisterError> {
        self.change(|content| std::mem::take(&mut content.browsers).len())
    }

    /// Whether the site at `origin` may ask.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn is_approved(&self, origin: &str) -> Result<bool, RegisterError> {
        Ok(self.read()?.sites.iter().any(|site| site.origin == origin))
    }

    /// Remembers that the holder agreed; the first date stays. An origin that is too long is not remembered.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn approve(&self, origin: &str, at: UnixTime) -> Result<(), RegisterError> {
        if origin.len() > ORIGIN_LIMIT || self.is_approved(origin)? {
            return Ok(());
        }
        self.change(|content| {
            content.sites.retain(|site| site.origin != origin);
            content.sites.push(Site { origin: origin.to_owned(), approved_at: at.0 });
            keep_last(&mut content.sites, SITE_LIMIT);
        })
    }

    /// The sites that may ask, in the order in which they were approved.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn sites(&self) -> Result<Vec<Site>, RegisterError> {
        Ok(self.read()?.sites)
    }

    /// Forgets a site; says whether it was there.
    ///
    /// # Errors
    /// [`RegisterError`].
    pub fn forget_site(&self, origin: &str) -> Result<bool, RegisterError> {
        self.change(|content| {
            let before = content.sites.len();
            content.sites.retain(|site| site.origin != origin);
            content.sites.len() < before
        })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("state.json")
    }

    fn read(&self) -> Result<Content, RegisterError> {
        let mut file = match File::open(self.path()) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Content::default()),
            Err(error) => return Err(error.into()),
        };
        refuse_writable_by_others(&file.metadata()?)?;
        let mut text = Vec::new();
        (&mut file).take(FILE_LIMIT + 1).read_to_end(&mut text)?;
        if text.len() as u64 > FILE_LIMIT {
            return Err(RegisterError::Malformed);
        }
        // The version first: what another version may have added is not this one's to call malformed.
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|_| RegisterError::Malformed)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(VERSION) => {}
            Some(other) => return Err(RegisterError::UnknownVersion(other)),
            None => return Err(RegisterError::Malformed),
        }
        let content: Content = serde_json::from_value(value).map_err(|_| RegisterError::Malformed)?;
        if content.browsers.len() > BROWSER_LIMIT || content.sites.len() > SITE_LIMIT {
            return Err(RegisterError::Malformed);
        }
        Ok(content)
    }

    /// Reads, changes and writes as one step, also beside another process. The old file or the new one is there, whatever
    /// happens in between.
    fn change<R>(&self, change: impl FnOnce(&mut Content) -> R) -> Result<R, RegisterError> {
        let lock = private_file().truncate(false).open(self.folder.join("state.lock"))?;
        lock.lock()?;
        let mut content = self.read()?;
        let result = change(&mut content);
        let text = serde_json::to_vec_pretty(&content).map_err(|_| RegisterError::Malformed)?;
        let new = self.folder.join("state.new");
        // One that a crash left behind: nobody else writes while the lock is held.
        drop(std::fs::remove_file(&new));
        let mut file = private_file().create_new(true).open(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&new, self.path())?;
        File::open(&self.folder)?.sync_all()?;
        Ok(result)
    }
}

fn digest(secret: &Secret<String>) -> String {
    hex::encode(sha256(secret.expose().as_bytes()))
}

fn keep_last<T>(list: &mut Vec<T>, limit: usize) {
    let surplus = list.len().saturating_sub(limit);
    list.drain(..surplus);
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> Result<(), RegisterError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    refuse_writable_by_others(&std::fs::metadata(folder)?)
}

#[cfg(unix)]
fn private_file() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    options
}

#[cfg(unix)]
fn refuse_writable_by_others(metadata: &std::fs::Metadata) -> Result<(), RegisterError> {
    use std::os::unix::fs::PermissionsExt as _;
    if metadata.permissions().mode() & 0o022 == 0 { Ok(()) } else { Err(RegisterError::WritableByOthers) }
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> Result<(), RegisterError> {
    // The user's profile is the user's alone there.
    Ok(std::fs::create_dir_all(folder)?)
}

#[cfg(not(unix))]
fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true);
    options
}

#[cfg(not(unix))]
fn refuse_writable_by_others(_: &std::fs::Metadata) -> Result<(), RegisterError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: UnixTime = UnixTime(1_790_000_000);

    fn secret(n: usize) -> Secret<String> {
        Secret::new(format!("secret {n}"))
    }

    fn register() -> (tempfile::TempDir, Register) {
        let folder = tempfile::tempdir().unwrap();
        let register = Register::open(&folder.path().join("state")).unwrap();
        (folder, register)
    }

    #[test]
    fn decisions_survive_the_program_and_secrets_are_not_in_the_file() {
        let (_folder, register) = register();
        register.pair(&secret(1), AT).unwrap();
        register.approve("https://bank.example", AT).unwrap();
        register.approve("https://bank.example", UnixTime(AT.0 + 9)).unwrap();
        let again = Register::open(&register.folder).unwrap();
        assert!(again.is_paired(&secret(1)).unwrap() && !again.is_paired(&secret(2)).unwrap());
        let site = Site { origin: "https://bank.example".into(), approved_at: AT.0 };
        assert_eq!(again.sites().unwrap(), [site], "the first date stays");
        let file = std::fs::read_to_string(register.path()).unwrap();
        assert!(!file.contains(secret(1).expose()));
    }

    #[test]
    fn what_one_process_forgets_is_forgotten_by_the_other_at_once() {
        let (_folder, register) = register();
        register.approve("https://bank.example", AT).unwrap();
        register.pair(&secret(1), AT).unwrap();
        let other = Register::open(&register.folder).unwrap();
        assert!(other.forget_site("https://bank.example").unwrap());
        assert!(!other.forget_site("https://bank.example").unwrap(), "it was not there any more");
        other.forget_browser(&secret(1)).unwrap();
        assert!(!register.is_approved("https://bank.example").unwrap());
        assert!(!register.is_paired(&secret(1)).unwrap());
    }

    #[test]
    fn the_file_never_grows_without_end_and_the_oldest_gives_way() {
        let (_folder, register) = register();
        for n in 0..=BROWSER_LIMIT {
            register.pair(&secret(n), AT).unwrap();
        }
        assert!(!register.is_paired(&secret(0)).unwrap());
        assert!(
            register.is_paired(&secret(1)).unwrap() && register.is_paired(&secret(BROWSER_LIMIT)).unwrap()
        );
        register.approve(&format!("https://{}", "a".repeat(ORIGIN_LIMIT)), AT).unwrap();
        assert!(register.sites().unwrap().is_empty());
        let full = Content {
            sites: (0..SITE_LIMIT)
                .map(|n| Site { origin: format!("https://{n}"), approved_at: AT.0 })
                .collect(),
            ..Content::default()
        };
        std::fs::write(register.path(), serde_json::to_vec(&full).unwrap()).unwrap();
        register.approve("https://one.more", AT).unwrap();
        let sites = register.sites().unwrap();
        assert_eq!(sites.len(), SITE_LIMIT);
        assert_eq!(sites.first().unwrap().origin, "https://1");
    }

    #[test]
    fn a_file_of_another_version_or_form_is_refused_and_left_as_it_is() {
        let (_folder, register) = register();
        register.approve("https://bank.example", AT).unwrap();
        let endless = " ".repeat(usize::try_from(FILE_LIMIT).unwrap() + 1);
        for (text, wanted) in [
            (r#"{"version":2,"browsers":[],"sites":[],"more":1}"#, "is of version 2"),
            (r#"{"version":1,"browsers":[],"sites":[],"more":1}"#, "does not have its form"),
            (r#"{"browsers":[],"sites":[]}"#, "does not have its form"),
            ("", "does not have its form"),
            (endless.as_str(), "does not have its form"),
        ] {
            std::fs::write(register.path(), text).unwrap();
            let refused = Register::open(&register.folder).unwrap_err().to_string();
            assert!(refused.contains(wanted), "{refused}");
            assert!(register.approve("https://other.example", AT).is_err());
            assert_eq!(std::fs::read_to_string(register.path()).unwrap(), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_the_holders_alone_and_one_that_others_may_write_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, register) = register();
        register.pair(&secret(1), AT).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&register.folder), mode(&register.path())), (0o700, 0o600));
        std::fs::set_permissions(register.path(), std::fs::Permissions::from_mode(0o620)).unwrap();
        assert!(matches!(register.is_paired(&secret(1)), Err(RegisterError::WritableByOthers)));
        std::fs::set_permissions(register.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::set_permissions(&register.folder, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(Register::open(&register.folder), Err(RegisterError::WritableByOthers)));
    }

    #[test]
    fn decisions_made_at_the_same_time_are_all_kept() {
        let (_folder, register) = register();
        std::thread::scope(|scope| {
            for n in 0..8 {
                let register = register.clone();
                scope.spawn(move || register.approve(&format!("https://{n}.example"), AT).unwrap());
            }
        });
        assert_eq!(register.sites().unwrap().len(), 8);
    }
}
