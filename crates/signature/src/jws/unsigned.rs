//! The unsigned header of JAdES (`etsiU`, TS 119 182-1 5.3): time-stamps with what they cover, certificates and
//! revocation data. Its elements are all base64url of an object with one member, or all such objects in clear.

use std::borrow::Cow;

use musubi_pki::{CheckResult, Outcome};

use super::content::Content;
use super::json::{self, Json, Object};
use super::{MALFORMED, One, Work, base64, rule};
use crate::model::{Covered, FoundTimestamp, NotASignature, Rule, TimestampKind};

const MAX_ELEMENTS: usize = 200;
const MAX_TIMESTAMPS: usize = 64;
const MAX_VALUES: usize = 500;
/// The one encoding of a time-stamp token that is read; also what is meant if none is named.
const DER: &str = "http://uri.etsi.org/01903/v1.2.2#DER";

/// What is there.
#[derive(Default)]
pub(super) struct Unsigned<'a> {
    pub(super) timestamps: Vec<FoundTimestamp<'a>>,
    pub(super) certificates: Vec<Cow<'a, [u8]>>,
    pub(super) crls: Vec<Cow<'a, [u8]>>,
    pub(super) ocsp: Vec<Cow<'a, [u8]>>,
    pub(super) has_signature_timestamp: bool,
    pub(super) has_values: bool,
    pub(super) has_archive_timestamp: bool,
    counter_signatures: usize,
}

/// Why an element is refused, or the whole file.
enum Refusal {
    Element(&'static str),
    File(NotASignature),
}

impl From<&'static str> for Refusal {
    fn from(why: &'static str) -> Self {
        Self::Element(why)
    }
}

impl From<NotASignature> for Refusal {
    fn from(why: NotASignature) -> Self {
        Self::File(why)
    }
}

impl<'a> Unsigned<'a> {
    /// Reads the content time-stamps of the protected header and `etsiU` of the other.
    pub(super) fn read(
        one: &One<'_, 'a>,
        content: &Content<'a>,
        work: &mut Work,
        rules: &mut Vec<Rule>,
    ) -> Result<Self, NotASignature> {
        let mut unsigned = Self::default();
        if let Some(value) = one.header.protected.get("adoTst") {
            let covered = content_covered(one, content, work)?;
            let kept = unsigned.add_timestamps(value, TimestampKind::Content, "adoTst", &covered, work);
            rules.push(rule("jades.ado_tst", "ETSI TS 119 182-1 5.2.6", element_only(kept)?, MALFORMED));
        }
        if let Some(value) = one.entry.header.get("etsiU") {
            let kept = unsigned.read_etsi_u(one, value, content, work);
            rules.push(rule("jades.etsi_u", "ETSI TS 119 182-1 5.3.1", element_only(kept)?, MALFORMED));
        }
        if unsigned.counter_signatures > 0 {
            let result =
                CheckResult::new("jades.counter_signatures", "ETSI TS 119 182-1 5.3.2", Outcome::Skipped);
            let result = result.with("not_judged", unsigned.counter_signatures);
            rules.push(Rule { result, on_failure: MALFORMED });
        }
        Ok(unsigned)
    }

    fn read_etsi_u(
        &mut self,
        one: &One<'_, 'a>,
        value: &Json<'a>,
        content: &Content<'a>,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let elements = value.array().ok_or("etsiU is not an array")?;
        if elements.len() > MAX_ELEMENTS {
            return Err("etsiU has too many elements".into());
        }
        let encoded = elements.iter().all(|element| matches!(element, Json::Text(_)));
        if !encoded && elements.iter().any(|element| matches!(element, Json::Text(_))) {
            return Err("etsiU mixes its two forms".into());
        }
        for (index, element) in elements.iter().enumerate() {
            let before = elements.get(..index).unwrap_or_default();
            let place = Place { one, content, index, before };
            let decoded;
            let object = match element {
                Json::Object(object) => object,
                other => {
                    let text = other.plain_text().ok_or("an element of etsiU is neither text nor object")?;
                    decoded = base64::from_url(text).ok_or("an element of etsiU is not base64url")?;
                    &json::read_object(&decoded).map_err(json::JsonError::as_str)?
                }
            };
            let (name, value) = object.only().ok_or("an element of etsiU has not exactly one member")?;
            self.read_element(name, value, &place, work)?;
        }
        Ok(())
    }

    fn read_element(
        &mut self,
        name: &str,
        value: &Json<'_>,
        place: &Place<'_, '_, 'a>,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let location = format!("etsiU[{}] {name}", place.index);
        let over_references = Covered::Unusable("it covers references only");
        match name {
            "sigTst" => {
                self.has_signature_timestamp = true;
                let covered = Covered::Parts(vec![Cow::Borrowed(place.one.entry.signature.as_bytes())]);
                self.add_timestamps(value, TimestampKind::Signature, &location, &covered, work)
            }
            "arcTst" => {
                self.has_archive_timestamp = true;
                let covered = place.archive_covered(value, work)?;
                self.add_timestamps(value, TimestampKind::Archive, &location, &covered, work)
            }
            "sigRTst" | "rfsTst" => {
                self.add_timestamps(value, TimestampKind::Other, &location, &over_references, work)
            }
            "xVals" | "axVals" => self.add_certificates(value),
            "rVals" | "arVals" => self.add_revocation(value),
            "tstVD" | "anyValData" => {
                let data = value.object().ok_or("validation data are not an object")?;
                data.get("xVals").map_or(Ok(()), |value| self.add_certificates(value))?;
                data.get("rVals").map_or(Ok(()), |value| self.add_revocation(value))
            }
            "cSig" => {
                self.counter_signatures += 1;
                Ok(())
            }
            // References and policies beside the signature, and what later versions add: nobody signed it.
            _ => Ok(()),
        }
    }

    /// A container of tokens (TS 119 182-1 5.4.3.3), which all cover the same.
    fn add_timestamps(
        &mut self,
        container: &Json<'_>,
        kind: TimestampKind,
        location: &str,
        covered: &Covered<'a>,
        work: &mut Work,
    ) -> Result<(), Refusal> {
        let container = container.object().ok_or("a time-stamp container is not an object")?;
        let tokens = container.get("tstTokens").and_then(Json::array).filter(|tokens| !tokens.is_empty());
        // An archive time-stamp covers every element before it (5.3.6.3), and the protected header.
        let covers: Vec<usize> =
            if kind == TimestampKind::Archive { (0..self.timestamps.len()).collect() } else { Vec::new() };
        for (index, token) in tokens.ok_or("a time-stamp container has no tokens")?.iter().enumerate() {
            // What it covers, each further token has again.
            if let (Covered::Parts(parts), 1..) = (covered, index) {
                work.hash(parts.iter().map(|part| part.len()).sum())?;
                let is_copied = |part: &&Cow<'_, [u8]>| matches!(part, Cow::Owned(_));
                work.copy(parts.iter().filter(is_copied).map(|part| part.len()).sum())?;
            }
            if self.timestamps.len() == MAX_TIMESTAMPS {
                return Err(NotASignature::TooMuch { what: "time-stamps", limit: MAX_TIMESTAMPS }.into());
            }
            let token = value_of(token).ok_or("a time-stamp token is not base64")?;
            self.timestamps.push(FoundTimestamp {
                kind,
                location: location.to_owned(),
                token: Cow::Owned(token),
                covered: covered.clone(),
                covers: covers.clone(),
            });
        }
        Ok(())
    }

    /// `xVals` (TS 119 182-1 5.3.5.2): certificates that are not X.509 are passed over.
    fn add_certificates(&mut self, values: &Json<'_>) -> Result<(), Refusal> {
        self.has_values = true;
        for value in values.array().ok_or("xVals is not an array")? {
            let object = value.object().ok_or("an element of xVals is not an object")?;
            if let Some(certificate) = object.get("x509Cert") {
                let der = value_of(certificate).ok_or("a certificate of xVals is not base64")?;
                push(&mut self.certificates, der)?;
            }
        }
        Ok(())
    }

    /// `rVals` (TS 119 182-1 5.3.5.3): data of other kinds are passed over.
    fn add_revocation(&mut self, values: &Json<'_>) -> Result<(), Refusal> {
        self.has_values = true;
        let object = values.object().ok_or("rVals is not an object")?;
        for (name, into) in [("crlVals", &mut self.crls), ("ocspVals", &mut self.ocsp)] {
            let Some(list) = object.get(name) else { continue };
            for value in list.array().ok_or("a list of revocation data is not an array")? {
                push(into, value_of(value).ok_or("revocation data are not base64")?)?;
            }
        }
        Ok(())
    }
}

/// Where an element of `etsiU` stands.
struct Place<'p, 's, 'a> {
    one: &'p One<'s, 'a>,
    content: &'p Content<'a>,
    index: usize,
    /// The elements before it.
    before: &'p [Json<'a>],
}

impl<'a> Place<'_, '_, 'a> {
    /// What an archive time-stamp covers (TS 119 182-1 5.3.6.3): content, protected header, value, and every element of
    /// `etsiU` before it, as they stand in the file.
    fn archive_covered(&self, value: &Json<'_>, work: &mut Work) -> Result<Covered<'a>, NotASignature> {
        if !matches!(
            value.object().and_then(|o| o.get("timeStamped")).map(Json::text),
            None | Some(Some("all"))
        ) {
            return Ok(Covered::Unusable("it covers an earlier time-stamp only"));
        }
        let before: Option<Vec<&'a str>> = self.before.iter().map(Json::plain_text).collect();
        let Some(before) = before else {
            return Ok(Covered::Unusable("it covers clear JSON in a canonical form that is not agreed"));
        };
        let Covered::Parts(mut parts) = content_covered(self.one, self.content, work)? else {
            return Ok(Covered::Unusable("its content cannot be told"));
        };
        let entry = self.one.entry;
        for part in [".", entry.protected, ".", entry.signature, "."].into_iter().chain(before) {
            work.hash(part.len())?;
            parts.push(Cow::Borrowed(part.as_bytes()));
        }
        Ok(Covered::Parts(parts))
    }
}

fn content_covered<'a>(
    one: &One<'_, 'a>,
    content: &Content<'a>,
    work: &mut Work,
) -> Result<Covered<'a>, NotASignature> {
    let Some((content, copied)) = content.timestamped(one.header.b64()) else {
        return Ok(Covered::Unusable("its content cannot be told"));
    };
    work.copy(copied)?;
    let bytes = content.bytes();
    work.hash(bytes.len())?;
    Ok(Covered::Parts(vec![bytes]))
}

/// A refused element breaks a rule; a refused file ends it all.
fn element_only(kept: Result<(), Refusal>) -> Result<Result<(), &'static str>, NotASignature> {
    match kept {
        Ok(()) => Ok(Ok(())),
        Err(Refusal::Element(why)) => Ok(Err(why)),
        Err(Refusal::File(why)) => Err(why),
    }
}

/// The `val` of a `pkiOb` (TS 119 182-1 5.4.2).
fn value_of(json: &Json<'_>) -> Option<Vec<u8>> {
    let object: &Object<'_> = json.object()?;
    match object.get("encoding").map(Json::text) {
        None | Some(Some(DER)) => base64::from_standard(object.text("val")?),
        Some(_) => None,
    }
}

fn push<'a>(into: &mut Vec<Cow<'a, [u8]>>, der: Vec<u8>) -> Result<(), Refusal> {
    if into.len() == MAX_VALUES {
        return Err(
            NotASignature::TooMuch { what: "certificates or revocation data", limit: MAX_VALUES }.into()
        );
    }
    into.push(Cow::Owned(der));
    Ok(())
}
