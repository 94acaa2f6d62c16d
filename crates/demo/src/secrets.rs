//! Secrets of one installation of the demo: made at the first start, kept in its data folder, readable by its
//! owner alone. Restarting with the same folder keeps pairwise ids, registrations and credentials.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use musubi_crypto::{ClientKey, SystemRandom};
use musubi_kernel::{Random as _, Secret, hex_lower};
use musubi_platform::relying_party::RelyingPartyId;

pub(crate) struct Secrets {
    pub(crate) pairwise: Secret<Vec<u8>>,
    pub(crate) signing_key: Secret<Vec<u8>>,
    pub(crate) operator_credential: Secret<String>,
    pub(crate) console_code: String,
    pub(crate) bank_key: ClientKey,
    pub(crate) bank_id: RelyingPartyId,
}

impl Secrets {
    pub(crate) fn load_or_make(folder: &Path) -> io::Result<Self> {
        let folder = folder.join("secrets");
        fs::create_dir_all(&folder)?;
        let pairwise = kept(&folder.join("pairwise"), || Ok(random(32)))?;
        let signing_key = kept(&folder.join("signing_key"), || Ok(random(32)))?;
        let credential =
            kept(&folder.join("operator_credential"), || Ok(hex_lower(&random(32)).into_bytes()))?;
        let console_code = kept(&folder.join("console_code"), || Ok(hex_lower(&random(12)).into_bytes()))?;
        let key = kept(&folder.join("bank_key.p8"), || {
            ClientKey::generate().map(|key| key.pkcs8_der().to_vec()).map_err(io::Error::other)
        })?;
        let id = kept(&folder.join("bank_id"), || {
            Ok(RelyingPartyId::generate(&SystemRandom).as_str().as_bytes().to_vec())
        })?;
        let text = |bytes| String::from_utf8(bytes).map_err(io::Error::other);
        Ok(Self {
            pairwise: Secret::new(pairwise),
            signing_key: Secret::new(signing_key),
            operator_credential: Secret::new(text(credential)?),
            console_code: text(console_code)?,
            bank_key: ClientKey::from_pkcs8_der(&key).map_err(io::Error::other)?,
            bank_id: text(id)?.parse().map_err(io::Error::other)?,
        })
    }
}

fn random(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    SystemRandom.fill(&mut bytes);
    bytes
}

/// The file's bytes, or fresh ones that are on disk before they are used. A start that is cut off leaves
/// either no file or a whole one.
fn kept(path: &Path, make: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        other => return other,
    }
    let bytes = make()?;
    let half = path.with_extension("half");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&half)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&half, path)?;
    Ok(bytes)
}
