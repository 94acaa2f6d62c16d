//! Documents for the tests: fixtures, edits of their bytes, and incremental updates written by hand.

use std::path::Path;

use musubi_pki::{EvidenceValue, Outcome, SubIndication, UnverifiedCertificate};
use musubi_signature::{Covered, Found, NotASignature, Signed, Signer, pdf};

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)).unwrap()
}

pub(crate) fn document(name: &str) -> Vec<u8> {
    fixture(&format!("pdf/{name}.pdf"))
}

pub(crate) fn find(file: &[u8]) -> Vec<Found<'_>> {
    pdf::find(file, None).unwrap()
}

/// Why nothing could be enumerated.
pub(crate) fn refusal(file: &[u8]) -> NotASignature {
    pdf::find(file, None).unwrap_err()
}

/// The rules that are not kept.
pub(crate) fn broken(found: &Found<'_>) -> Vec<(&'static str, SubIndication)> {
    let is_broken = |outcome| matches!(outcome, Outcome::Failed | Outcome::Inconclusive);
    let rules = found.rules.iter().filter(|rule| is_broken(rule.result.outcome()));
    rules.map(|rule| (rule.result.id().to_owned().leak() as &str, rule.on_failure.0)).collect()
}

/// The ids of the rules that are not kept.
pub(crate) fn broken_ids(found: &Found<'_>) -> Vec<&'static str> {
    broken(found).into_iter().map(|(id, _)| id).collect()
}

/// A piece of evidence of a rule.
pub(crate) fn evidence(found: &Found<'_>, id: &str, name: &str) -> Option<String> {
    let rule = found.rules.iter().find(|rule| rule.result.id() == id)?;
    match rule.result.evidence(name)? {
        EvidenceValue::Text(text) => Some(text.to_string()),
        other => Some(format!("{other:?}")),
    }
}

/// What was found out about changes: their classes but for dates of changes, or the problem.
pub(crate) fn changes(found: &Found<'_>) -> core::result::Result<String, String> {
    let told = |name| evidence(found, "pdf.changes_after_signing", name);
    let classes = told("changes").map(|classes| {
        let rest: Vec<&str> = classes.split(", ").filter(|class| *class != "metadata").collect();
        if rest.is_empty() { classes.clone() } else { rest.join(", ") }
    });
    classes.ok_or_else(|| told("problem").unwrap())
}

/// Whether the value is the signer's over what is signed.
pub(crate) fn verifies(found: &Found<'_>) -> bool {
    let Signer::Certificate(der) = &found.signer else { return false };
    let certificate = UnverifiedCertificate::parse(der).unwrap();
    let key = certificate.public_key().unwrap();
    let Ok(algorithm) = found.value.algorithm else { return false };
    match &found.value.signed {
        Signed::Bytes(bytes) => {
            key.verify_encoded(algorithm, found.value.encoding, bytes, &found.value.signature).is_ok()
        }
        Signed::Digest(digest) => key.verify_digest(algorithm, digest, &found.value.signature).is_ok(),
        Signed::BareDigest(_) => false,
    }
}

/// Whether a time-stamp's imprint is the digest of what it covers.
pub(crate) fn stamps(token: &[u8], covered: &Covered<'_>) -> bool {
    let token = musubi_signature::timestamp::Token::parse(token).unwrap();
    let Covered::Parts(parts) = covered else { return false };
    let parts: Vec<&[u8]> = parts.iter().map(|part| part.as_ref()).collect();
    token.info.imprint.algorithm().digest(&parts) == token.info.imprint && verifies(&token.found)
}

/// Where `text` stands, the last time.
pub(crate) fn last(file: &[u8], text: &[u8]) -> usize {
    file.windows(text.len()).rposition(|window| window == text).unwrap()
}

/// Where `text` stands, the first time.
pub(crate) fn first(file: &[u8], text: &[u8]) -> usize {
    file.windows(text.len()).position(|window| window == text).unwrap()
}

/// Overwrites `from`, the last time that it stands there, with as many bytes.
pub(crate) fn overwrite(file: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let at = last(file, from.as_bytes());
    let mut out = file.to_vec();
    out[at..at + to.len()].copy_from_slice(to.as_bytes());
    out
}

/// The body of the newest definition of an object, as text with bytes beyond ASCII lost.
pub(crate) fn body(file: &[u8], number: u32) -> String {
    let head = format!("\n{number} 0 obj");
    let start = last(file, head.as_bytes()) + head.len();
    let end = start + first(&file[start..], b"endobj");
    String::from_utf8_lossy(&file[start..end]).trim().to_owned()
}

/// The number of the newest object whose body has `text` in it.
pub(crate) fn number_of(file: &[u8], text: &str) -> u32 {
    let at = last(file, text.as_bytes());
    let head = last(&file[..at], b" 0 obj");
    let start = file[..head].iter().rposition(|b| !b.is_ascii_digit()).unwrap() + 1;
    std::str::from_utf8(&file[start..head]).unwrap().parse().unwrap()
}

/// The offset that the last `startxref` names.
pub(crate) fn startxref(file: &[u8]) -> usize {
    let at = last(file, b"startxref") + 9;
    String::from_utf8_lossy(&file[at..]).split_whitespace().next().unwrap().parse().unwrap()
}

/// An incremental update, to be written by hand.
#[derive(Default)]
pub(crate) struct Update {
    objects: Vec<(u32, Vec<u8>)>,
    freed: Vec<u32>,
    repointed: Vec<(u32, usize)>,
    between: Vec<u8>,
    trailer: String,
    prev: Option<usize>,
}

impl Update {
    /// Adds or replaces an object.
    pub(crate) fn object(mut self, number: u32, body: impl AsRef<[u8]>) -> Self {
        self.objects.push((number, body.as_ref().to_vec()));
        self
    }

    pub(crate) fn stream(self, number: u32, data: &str) -> Self {
        self.object(number, format!("<< /Length {} >>\nstream\n{data}\nendstream", data.len()))
    }

    /// Marks an object as free.
    pub(crate) fn free(mut self, number: u32) -> Self {
        self.freed.push(number);
        self
    }

    /// Lets an object stand where another revision had it.
    pub(crate) fn repoint(mut self, number: u32, offset: usize) -> Self {
        self.repointed.push((number, offset));
        self
    }

    /// Puts bytes between the objects and the cross-reference table.
    pub(crate) fn between(mut self, bytes: &[u8]) -> Self {
        self.between.extend_from_slice(bytes);
        self
    }

    /// Adds to the trailer.
    pub(crate) fn trailer(mut self, entries: &str) -> Self {
        self.trailer.push_str(entries);
        self
    }

    /// Names another section as the one before.
    pub(crate) fn prev(mut self, offset: usize) -> Self {
        self.prev = Some(offset);
        self
    }

    /// Appends the update.
    pub(crate) fn to(self, file: &[u8]) -> Vec<u8> {
        let mut out = file.to_vec();
        if !out.ends_with(b"\n") {
            out.push(b'\n');
        }
        let mut entries: Vec<(u32, String)> =
            self.freed.iter().map(|number| (*number, "0000000000 65535 f \n".to_owned())).collect();
        for (number, offset) in &self.repointed {
            entries.push((*number, format!("{offset:010} 00000 n \n")));
        }
        for (number, body) in &self.objects {
            entries.push((*number, format!("{:010} 00000 n \n", out.len())));
            out.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
            out.extend_from_slice(body);
            out.extend_from_slice(b"\nendobj\n");
        }
        out.extend_from_slice(&self.between);
        let table = out.len();
        entries.sort();
        let mut text = "xref\n".to_owned();
        for (number, entry) in &entries {
            text.push_str(&format!("{number} 1\n{entry}"));
        }
        let prev = self.prev.unwrap_or_else(|| startxref(file));
        let trailer = &self.trailer;
        let root = if trailer.contains("/Root") { String::new() } else { root(file) };
        text.push_str(&format!("trailer\n<< /Size 1000 {root} /Prev {prev} {trailer} >>\n"));
        text.push_str(&format!("startxref\n{table}\n%%EOF\n"));
        out.extend_from_slice(text.as_bytes());
        out
    }
}

/// `/Root n 0 R` and `/Info n 0 R` of the newest trailer.
fn root(file: &[u8]) -> String {
    let trailer = String::from_utf8_lossy(&file[startxref(file)..]).into_owned();
    let entry = |key: &str| {
        let at = trailer.find(key)?;
        Some(trailer[at..].split_whitespace().take(4).collect::<Vec<_>>().join(" "))
    };
    [entry("/Root"), entry("/Info")].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Adds a signature field whose signature covers the file with this update as it should; its CMS is another's. `more`
/// are further entries of the signature dictionary.
pub(crate) fn forged_signature(file: &[u8], more: &str) -> Vec<u8> {
    let cms = body(file, number_of(file, "/ByteRange"));
    let cms = &cms[cms.find("/Contents <").unwrap() + 10..];
    let cms = &cms[..=cms.find('>').unwrap()];
    let form = number_of(file, "/SigFlags");
    let fields = body(file, form).replacen(" ]", " 900 0 R ]", 1);
    let page = body(file, 3).replace("/Annots [ ", "/Annots [ 900 0 R ");
    let page = if page.contains("900 0 R") { page } else { panic!("no annotations: {page}") };
    let first_of_annots = page.replacen("[ 900 0 R ", "[ ", 1);
    let end = first_of_annots.find("/Annots").unwrap();
    let close = end + first_of_annots[end..].find(']').unwrap();
    let page = format!("{}900 0 R {}", &first_of_annots[..close], &first_of_annots[close..]);
    let signature = format!(
        "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached {more} \
         /ByteRange [0 AAAAAAAAAA BBBBBBBBBB CCCCCCCCCC] /Contents {cms} >>"
    );
    let mut out = Update::default()
        .object(3, page)
        .object(form, fields)
        .object(900, "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Forged) /Rect [0 0 0 0] /F 132 /P 3 0 R /V 901 0 R >>")
        .object(901, signature)
        .to(file);
    let start = last(&out, b"/Contents <") + 10;
    let end = start + cms.len();
    let numbers = [start, end, out.len() - end];
    for (name, number) in ["AAAAAAAAAA", "BBBBBBBBBB", "CCCCCCCCCC"].iter().zip(numbers) {
        out = overwrite(&out, name, &format!("{number:<10}"));
    }
    out
}
