//! Whom a command without a server trusts: the authorities' roots, and the platform's own keys.

use std::path::{Path, PathBuf};

use musubi_pki::{AuthorityKind, TrustAnchors};

/// A file cannot be read, or is not what it must be.
pub(crate) const UNREADABLE: u8 = 2;
/// Wrong arguments.
pub(crate) const USAGE: u8 = 64;
/// The platform's keys in a folder of roots, hex, one on a line.
const KEY_FILE: &str = "platform-key.hex";

/// What cannot be used: with the exit code.
pub(crate) struct Unusable(pub(crate) u8, pub(crate) String);

/// `texts` are public keys in hex; without any, those of the file in the folder of roots.
pub(crate) fn platform_keys(texts: &[String], roots: &Path) -> Result<Vec<[u8; 32]>, Unusable> {
    let mut texts = texts.to_vec();
    if texts.is_empty()
        && let Ok(text) = std::fs::read_to_string(roots.join(KEY_FILE))
    {
        texts.extend(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()));
    }
    if texts.is_empty() {
        return Err(Unusable(USAGE, "give the platform's public key with --platform-key HEX".into()));
    }
    let key = |text: &String| {
        let bytes = hex::decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| Unusable(USAGE, "--platform-key takes 64 hex digits".into()))
    };
    texts.iter().map(key).collect()
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    std::fs::read(path)
        .map_err(|error| Unusable(UNREADABLE, format!("cannot read {}: {error}", path.display())))
}

/// `production`, or the test roots in a folder. The kind of a root is told by its name: only one of them accepts it.
pub(crate) fn anchors(option: &str, place: &Path) -> Result<TrustAnchors, Unusable> {
    let wrong = |message: String| Unusable(USAGE, message);
    if place == Path::new("production") {
        return TrustAnchors::production().map_err(|error| wrong(error.to_string()));
    }
    let entries = std::fs::read_dir(place)
        .map_err(|error| wrong(format!("{option}: cannot read {}: {error}", place.display())))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.retain(|path| {
        path.extension().is_some_and(|e| ["der", "cer", "crt"].iter().any(|known| e == *known))
    });
    paths.sort();
    let mut roots = Vec::new();
    for path in paths {
        let der = read(&path)?;
        let fits =
            |kind: &AuthorityKind| TrustAnchors::insecure_test_hierarchy([(*kind, der.clone())]).is_ok();
        match AuthorityKind::ALL.into_iter().find(fits) {
            Some(kind) => roots.push((kind, der)),
            None => return Err(wrong(format!("{option}: {} is no test root", path.display()))),
        }
    }
    TrustAnchors::insecure_test_hierarchy(roots).map_err(|error| wrong(format!("{option}: {error}")))
}
