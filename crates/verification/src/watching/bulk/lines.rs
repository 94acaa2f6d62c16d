//! From bytes to lines to what they ask for. Attributes become a tag here and go no further.
//!
//! Hostile input is normal: a line is bounded, its bytes must be UTF-8, unknown members and columns are refused, and what
//! cannot be read is `malformed` and costs its line alone.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use musubi_platform::relying_party::RelyingPartyId;
use serde::Deserialize;

use super::Format;
use crate::identity_proofing::Attributes;
use crate::outcome::{Signed, check_customer_id};
use crate::watching::matching::{Tag, TagKey};

/// The byte order mark that some programs begin a file with.
const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Longest document of a signed application, in bytes.
const MAX_DOCUMENT: usize = 8 * 1024;
/// Longest name and address, in characters.
const MAX_NAME: usize = 200;
const MAX_ADDRESS: usize = 300;
const COLUMNS: [&str; 8] =
    ["customer_id", "document", "signature", "certificate", "name", "address", "date_of_birth", "sex"];

/// What a line asks for.
pub(super) enum Line {
    /// To watch a customer who is linked.
    Customer(String),
    /// To link and watch the signer of an application.
    Application {
        /// The relying party's own number.
        customer_id: String,
        /// The signed text.
        document: Vec<u8>,
        /// Certificate and signature.
        signed: Signed,
    },
    /// To link and watch whoever proves the attributes behind the tag and says yes.
    Matching(String, Tag),
    /// It cannot be read.
    Malformed,
}

/// A file that cannot be read on: a stable code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable(pub(super) &'static str);

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members<'a> {
    #[serde(borrow)]
    customer_id: Cow<'a, str>,
    document: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    certificate: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
    address: Option<Cow<'a, str>>,
    date_of_birth: Option<Cow<'a, str>>,
    sex: Option<Cow<'a, str>>,
}

/// Reads the lines of one file.
pub(super) struct Parser {
    format: Format,
    relying_party: RelyingPartyId,
    key: TagKey,
    /// The columns of a CSV file, once its header came.
    header: Option<Vec<&'static str>>,
}

impl Parser {
    /// A parser that goes on where another stopped: after the header, if that came.
    pub(super) fn new(
        format: Format,
        relying_party: RelyingPartyId,
        key: TagKey,
        header: Option<&str>,
    ) -> Self {
        let known = |name: &str| COLUMNS.into_iter().find(|column| *column == name);
        let header = header.map(|header| header.split(',').filter_map(known).collect());
        Self { format, relying_party, key, header }
    }

    /// The header as it is kept.
    pub(super) fn header(&self) -> Option<String> {
        self.header.as_ref().map(|columns| columns.join(","))
    }

    /// Reads the line `number` (from 1), without or with its end. `None` for one that asks for nothing: empty, or the
    /// header.
    ///
    /// # Errors
    /// [`Unreadable`] if the header is none.
    pub(super) fn line(&mut self, number: u64, bytes: &[u8]) -> Result<Option<Line>, Unreadable> {
        let bytes = if number == 1 { bytes.strip_prefix(BOM).unwrap_or(bytes) } else { bytes };
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
        let Ok(text) = std::str::from_utf8(bytes) else {
            let header_missing = self.format == Format::Csv && self.header.is_none();
            return if header_missing { Err(Unreadable("csv.header")) } else { Ok(Some(Line::Malformed)) };
        };
        if text.trim().is_empty() {
            return Ok(None);
        }
        let members = match (self.format, &self.header) {
            (Format::Ndjson, _) => serde_json::from_str(text).ok(),
            (Format::Csv, Some(columns)) => members_of(columns, text),
            (Format::Csv, None) => {
                self.header = Some(header_of(text)?);
                return Ok(None);
            }
        };
        Ok(Some(members.and_then(|members| self.asked(members)).unwrap_or(Line::Malformed)))
    }

    fn asked(&self, members: Members<'_>) -> Option<Line> {
        let Members { customer_id, document, signature, certificate, name, address, date_of_birth, sex } =
            members;
        check_customer_id(&customer_id).ok()?;
        let customer_id = customer_id.into_owned();
        let nothing_signed = document.is_none() && signature.is_none() && certificate.is_none();
        match (name, address, date_of_birth, sex) {
            (None, None, None, None) if nothing_signed => Some(Line::Customer(customer_id)),
            (None, None, None, None) => {
                let document = document.filter(|text| text.len() <= MAX_DOCUMENT * 2)?;
                let document = STANDARD.decode(document.as_bytes()).ok()?;
                let signed = Signed::decode(&certificate?, &signature?).ok()?;
                Some(Line::Application { customer_id, document, signed })
            }
            (Some(name), Some(address), Some(date_of_birth), Some(sex)) if nothing_signed => {
                let short = name.chars().count() <= MAX_NAME && address.chars().count() <= MAX_ADDRESS;
                let said = Attributes {
                    name: name.into_owned(),
                    address: address.into_owned(),
                    date_of_birth: date_of_birth.into_owned(),
                    sex: sex.into_owned(),
                };
                let tag = self.key.of_line(&self.relying_party, &said).filter(|_| short)?;
                Some(Line::Matching(customer_id, tag))
            }
            _ => None,
        }
    }
}

fn header_of(text: &str) -> Result<Vec<&'static str>, Unreadable> {
    let wrong = Unreadable("csv.header");
    let mut columns = Vec::new();
    for field in fields(text).ok_or(wrong)? {
        let column = COLUMNS.into_iter().find(|column| *column == field.trim()).ok_or(wrong)?;
        if columns.contains(&column) {
            return Err(wrong);
        }
        columns.push(column);
    }
    if columns.contains(&"customer_id") { Ok(columns) } else { Err(wrong) }
}

/// The fields of a record by their columns; an empty one is as good as none.
fn members_of<'a>(columns: &[&'static str], text: &'a str) -> Option<Members<'a>> {
    let fields = fields(text)?;
    if fields.len() != columns.len() {
        return None;
    }
    let mut members = Members::default();
    for (column, value) in columns.iter().zip(fields) {
        if *column == "customer_id" {
            members.customer_id = value;
            continue;
        }
        let value = Some(value).filter(|value| !value.is_empty());
        match *column {
            "document" => members.document = value,
            "signature" => members.signature = value,
            "certificate" => members.certificate = value,
            "name" => members.name = value,
            "address" => members.address = value,
            "date_of_birth" => members.date_of_birth = value,
            _ => members.sex = value,
        }
    }
    Some(members)
}

/// The fields of one record (RFC 4180, 2); `None` if a quote is not closed or stands in the middle of a plain field.
fn fields(text: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut fields = Vec::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut value = String::new();
            let mut inside = quoted;
            loop {
                let (before, after) = inside.split_once('"')?;
                value.push_str(before);
                match after.strip_prefix('"') {
                    Some(more) => {
                        value.push('"');
                        inside = more;
                    }
                    None => {
                        inside = after;
                        break;
                    }
                }
            }
            fields.push(Cow::Owned(value));
            match inside.strip_prefix(',') {
                Some(next) => rest = next,
                None if inside.is_empty() => return Some(fields),
                None => return None,
            }
        } else {
            let (value, next) = match rest.split_once(',') {
                Some((value, next)) => (value, Some(next)),
                None => (rest, None),
            };
            if value.contains('"') {
                return None;
            }
            fields.push(Cow::Borrowed(value));
            match next {
                Some(next) => rest = next,
                None => return Some(fields),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use musubi_kernel::Secret;

    use super::*;

    fn parser(format: Format) -> Parser {
        let relying_party = format!("rp_{}", "a".repeat(32)).parse().unwrap();
        Parser::new(format, relying_party, TagKey::derive(&Secret::new(vec![7; 32])), None)
    }

    fn kind(line: Option<Line>) -> &'static str {
        match line {
            None => "nothing",
            Some(Line::Customer(_)) => "customer",
            Some(Line::Application { .. }) => "application",
            Some(Line::Matching(..)) => "matching",
            Some(Line::Malformed) => "malformed",
        }
    }

    #[test]
    fn a_line_of_json_asks_for_one_of_three_things_or_is_malformed() {
        let mut parser = parser(Format::Ndjson);
        for (text, expected) in [
            (r#"{"customer_id":"c-1"}"#, "customer"),
            ("{\"customer_id\":\"c-1\"}\r\n", "customer"),
            (
                r#"{"customer_id":"c-1","document":"YQ==","signature":"YQ==","certificate":"YQ=="}"#,
                "application",
            ),
            (
                r#"{"customer_id":"c-1","name":"結城 美咲","address":"清瀬市","date_of_birth":"1990-04-12","sex":"female"}"#,
                "matching",
            ),
            ("", "nothing"),
            ("   ", "nothing"),
            ("{", "malformed"),
            ("null", "malformed"),
            (r#"{"customer_id":""}"#, "malformed"),
            (r#"{"customer_id":"c 1"}"#, "malformed"),
            (r#"{"customer_id":"顧客"}"#, "malformed"),
            (r#"{"customer_id":"c-1","my_number":"1"}"#, "malformed"),
            (r#"{"customer_id":"c-1","name":"結城 美咲"}"#, "malformed"),
            (r#"{"customer_id":"c-1","document":"YQ=="}"#, "malformed"),
            (r#"{"customer_id":"c-1","document":"?","signature":"YQ==","certificate":"YQ=="}"#, "malformed"),
            (
                r#"{"customer_id":"c-1","name":"x","address":"y","date_of_birth":"1990-13-12","sex":"female"}"#,
                "malformed",
            ),
            (
                r#"{"customer_id":"c-1","document":"YQ==","name":"x","address":"y","date_of_birth":"1990-12-12","sex":"male"}"#,
                "malformed",
            ),
        ] {
            assert_eq!(kind(parser.line(2, text.as_bytes()).unwrap()), expected, "{text}");
        }
        assert_eq!(kind(parser.line(2, b"{\"customer_id\":\"\xFF\"}").unwrap()), "malformed");
    }

    #[test]
    fn csv_has_a_header_in_any_order_quotes_marks_and_either_end_of_line() {
        let mut csv = parser(Format::Csv);
        assert!(
            csv.line(1, b"\xEF\xBB\xBFsex,customer_id,\"name\",address,date_of_birth\r\n").unwrap().is_none()
        );
        assert_eq!(csv.header().as_deref(), Some("sex,customer_id,name,address,date_of_birth"));
        for (text, expected) in [
            ("female,c-1,\"結城 \"\"美\"\" 咲\",\"清瀬市, 中里\",1990-04-12", "matching"),
            (",c-1,,,", "customer"),
            ("female,c-1,結城,清瀬市,1990-04-12,more", "malformed"),
            ("female,c-1,結城", "malformed"),
            ("female,c-1,\"結城,清瀬市,1990-04-12", "malformed"),
            ("female,c-1,結\"城,清瀬市,1990-04-12", "malformed"),
            ("female,c-1,\"結\"城,清瀬市,1990-04-12", "malformed"),
            ("\r\n", "nothing"),
        ] {
            assert_eq!(kind(csv.line(2, text.as_bytes()).unwrap()), expected, "{text}");
        }
        let mut resumed = Parser::new(
            Format::Csv,
            csv.relying_party.clone(),
            TagKey::derive(&Secret::new(vec![7; 32])),
            csv.header().as_deref(),
        );
        assert_eq!(kind(resumed.line(9, b",c-1,,,").unwrap()), "customer");
        for wrong in ["name", "customer_id,customer_id", "customer_id,my_number", "\"customer_id", "\u{FFFD}"]
        {
            assert_eq!(parser(Format::Csv).line(1, wrong.as_bytes()).err(), Some(Unreadable("csv.header")));
        }
    }
}
