//! What the command line names: certificates, lists and responses in files and folders, DER or PEM.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_pki::TrustAnchors;
use musubi_pki::inspect::{Kind, kind};
use musubi_pki::path::PathAnchors;

use super::Arguments;
use crate::cli::Failure;
use crate::terminal::shown_path;

/// The largest file that is read, in bytes.
const MAX_FILE: u64 = 2 << 30;
/// The most files of one folder.
const MAX_FILES: usize = 10_000;

/// Everything that is judged with.
pub(super) struct Material {
    pub(super) anchors: PathAnchors,
    pub(super) timestamp_anchors: PathAnchors,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) crls: Vec<Vec<u8>>,
    pub(super) ocsp: Vec<Vec<u8>>,
}

impl Material {
    pub(super) fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let anchors = if arguments.trust.is_empty() {
            PathAnchors::from(&TrustAnchors::production()?)
        } else {
            trusted("--trust", &arguments.trust)?
        };
        let timestamp_anchors = if arguments.trust_timestamps.is_empty() {
            anchors.clone()
        } else {
            trusted("--trust-timestamps", &arguments.trust_timestamps)?
        };
        Ok(Self {
            anchors,
            timestamp_anchors,
            certificates: objects("--certificates", &arguments.certificates, Kind::Certificate)?,
            crls: objects("--crl", &arguments.crl, Kind::List)?,
            ocsp: objects("--ocsp", &arguments.ocsp, Kind::Response)?,
        })
    }
}

fn trusted(option: &str, paths: &[PathBuf]) -> Result<PathAnchors, Failure> {
    PathAnchors::from_certificates(objects(option, paths, Kind::Certificate)?)
        .map_err(|error| format!("{option}: {error}").into())
}

/// The bytes of a file; a device that never ends is given up at the limit.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let named = |error: std::io::Error| format!("{}: {error}", shown_path(path));
    let file = std::fs::File::open(path).map_err(named)?;
    let length = file.metadata().map_err(named)?.len();
    if length > MAX_FILE {
        return Err(too_large(path));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length)?);
    let read = file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(named)?;
    if u64::try_from(read)? > MAX_FILE { Err(too_large(path)) } else { Ok(bytes) }
}

fn too_large(path: &Path) -> Failure {
    format!("{}: larger than {MAX_FILE} bytes", shown_path(path)).into()
}

/// The one certificate in a file.
pub(crate) fn one_certificate(option: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let found = objects(option, &[path.to_owned()], Kind::Certificate)?;
    match <[Vec<u8>; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(several) => {
            Err(format!("{option}: {}: {} certificates, not one", shown_path(path), several.len()).into())
        }
    }
}

/// Every object of this kind in these files and folders. A file that is named must hold one; what else is in a folder
/// is passed over, but the folder must hold one.
fn objects(option: &str, paths: &[PathBuf], wanted: Kind) -> Result<Vec<Vec<u8>>, Failure> {
    let mut out = Vec::new();
    for path in paths {
        let before = out.len();
        if path.is_dir() {
            for file in files_in(path)? {
                out.extend(split(read(&file)?, wanted).unwrap_or_default());
            }
        } else {
            let found = split(read(path)?, wanted);
            out.extend(found.map_err(|why| format!("{option}: {}: {why}", shown_path(path)))?);
        }
        if out.len() == before {
            return Err(format!("{option}: {}: no {} in it", shown_path(path), label(wanted)).into());
        }
    }
    Ok(out)
}

/// In the order of their names.
fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let named = |error: std::io::Error| format!("{}: {error}", shown_path(folder));
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(named)? {
        let path = entry.map_err(named)?.path();
        if path.is_file() {
            files.push(path);
        }
        if files.len() > MAX_FILES {
            return Err(format!("{}: more than {MAX_FILES} files", shown_path(folder)).into());
        }
    }
    files.sort();
    Ok(files)
}

/// The label in PEM (RFC 7468).
fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Certificate => "CERTIFICATE",
        Kind::List => "X509 CRL",
        Kind::Response => "OCSP RESPONSE",
    }
}

/// The objects of this kind in a PEM text, or the bytes themselves if they are its DER.
fn split(bytes: Vec<u8>, wanted: Kind) -> Result<Vec<Vec<u8>>, &'static str> {
    if bytes.first() == Some(&0x30) {
        return match kind(&bytes) {
            Some(kind) if kind == wanted => Ok(vec![bytes]),
            Some(Kind::Certificate) => Err("a certificate, which is not what belongs here"),
            Some(Kind::List) => Err("a revocation list, which is not what belongs here"),
            Some(Kind::Response) => Err("an OCSP response, which is not what belongs here"),
            None => Err("not readable"),
        };
    }
    let text = String::from_utf8(bytes).map_err(|_| "neither DER nor PEM")?;
    let (begin, end) =
        (format!("-----BEGIN {}-----", label(wanted)), format!("-----END {}-----", label(wanted)));
    let mut out = Vec::new();
    let mut rest = text.as_str();
    while let Some((_, after)) = rest.split_once(&begin) {
        let (body, after) = after.split_once(&end).ok_or("a PEM block has no end")?;
        let body: String = body.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        out.push(STANDARD.decode(body).map_err(|_| "a PEM block is not Base64")?);
        rest = after;
    }
    Ok(out)
}
