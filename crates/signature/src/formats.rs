//! The formats, as a list: how a file of each is recognised, and who finds its signatures. Adding one is a folder and a
//! line here.

use crate::model::{Found, NotASignature};
use crate::{cms, jws, pdf, timestamp, xml};

type Find = for<'a> fn(&'a [u8], Option<&'a [u8]>) -> Result<Vec<Found<'a>>, NotASignature>;

/// The id of the format whose files are time-stamps.
pub(crate) const TIME_STAMP: &str = "timestamp";

/// A format.
pub struct Format {
    /// Its name on the command line and in reports.
    pub id: &'static str,
    detect: fn(&[u8]) -> bool,
    find: Find,
}

impl Format {
    /// Finds the signatures of a file of this format. `detached` is the signed content if it is another file.
    ///
    /// # Errors
    /// [`NotASignature`].
    pub fn find<'a>(
        &self,
        file: &'a [u8],
        detached: Option<&'a [u8]>,
    ) -> Result<Vec<Found<'a>>, NotASignature> {
        (self.find)(file, detached)
    }
}

impl std::fmt::Debug for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id)
    }
}

/// Every format, in the order in which a file is tried.
pub const FORMATS: &[Format] = &[
    Format { id: "pdf", detect: is_pdf, find: pdf::find },
    Format { id: "xml", detect: is_xml, find: xml::find },
    Format { id: "jws", detect: is_jws, find: jws::find },
    Format { id: TIME_STAMP, detect: timestamp::is_time_stamp, find: timestamp::find },
    Format { id: "cms", detect: is_cms, find: cms::find },
];

/// The format of a file by its first bytes; `None` if it is none of these.
#[must_use]
pub fn detect(file: &[u8]) -> Option<&'static Format> {
    FORMATS.iter().find(|format| (format.detect)(file))
}

fn is_pdf(file: &[u8]) -> bool {
    let head = file.get(..1024.min(file.len())).unwrap_or_default();
    head.windows(5).any(|window| window == b"%PDF-")
}

fn is_xml(file: &[u8]) -> bool {
    first_of_text(file) == Some(b'<')
}

/// JSON, or the beginning of a protected header (`{"`) in base64url.
fn is_jws(file: &[u8]) -> bool {
    first_of_text(file) == Some(b'{') || file.trim_ascii_start().starts_with(b"ey")
}

/// A SEQUENCE in DER or BER, or PEM.
fn is_cms(file: &[u8]) -> bool {
    file.first() == Some(&0x30) || file.trim_ascii_start().starts_with(b"-----BEGIN ")
}

/// The first byte after a byte order mark and white space.
fn first_of_text(file: &[u8]) -> Option<u8> {
    file.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(file).trim_ascii_start().first().copied()
}
