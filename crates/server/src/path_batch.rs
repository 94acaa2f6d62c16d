//! `musubi path --batch`: judges certification paths, one JSON line each on standard input, one answer each on standard
//! output, in the same order and as soon as it is known. For test corpora and for programs in other languages. Reads
//! no clock and no file.
//!
//! Exit codes: 0 every path TOTAL-PASSED, 1 a verdict that is not, 2 a line that could not be judged, 64 wrong
//! arguments. Of several lines the highest counts.

use std::io::{BufRead, Read as _, Write};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use musubi_kernel::UnixTime;
use musubi_pki::path::{KeyUsage, PathAnchors, PathEvidence, PathRules, Purpose, Times, judge_path};
use musubi_pki::{Indication, RevocationMode, ValidationPolicy, oid};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::cli::{Failure, say};
use crate::terminal::shown_json;

/// The longest line, in bytes.
const MAX_LINE: u64 = 64 << 20;

/// The arguments of `musubi path`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Read JSON lines from the standard input (README: "Paths in batches").
    #[arg(long, required = true)]
    batch: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: Value,
    trust_anchors: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    intermediates: Vec<String>,
    leaf: String,
    #[serde(default, deserialize_with = "or_default")]
    crls: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    ocsp: Vec<String>,
    time: UnixTime,
    #[serde(default, deserialize_with = "or_default")]
    policy: LinePolicy,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct LinePolicy {
    #[serde(deserialize_with = "or_default")]
    initial_policy_set: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    explicit_policy: bool,
    #[serde(deserialize_with = "or_default")]
    inhibit_any_policy: bool,
    #[serde(deserialize_with = "or_default")]
    inhibit_policy_mapping: bool,
    #[serde(deserialize_with = "or_default")]
    key_usage: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    extended_key_usage: Vec<String>,
    revocation: Option<RevocationMode>,
    server_name: Option<String>,
}

/// `null` is as good as nothing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Runs the command over the standard input and output.
pub(crate) fn run(_: &Arguments) -> ExitCode {
    match answer_all(&mut std::io::stdin().lock(), &mut std::io::stdout().lock()) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            say(&mut std::io::stderr(), &format!("musubi path: {error}"));
            ExitCode::from(2)
        }
    }
}

/// Answers every line that is not empty.
fn answer_all(input: &mut dyn BufRead, output: &mut dyn Write) -> Result<u8, std::io::Error> {
    let mut worst = 0_u8;
    let mut line = Vec::new();
    loop {
        line.clear();
        if (&mut *input).take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(worst);
        }
        let is_cut =
            !line.ends_with(b"\n") && u64::try_from(line.len()).is_ok_and(|length| length == MAX_LINE);
        let (answer, code) = if is_cut {
            pass_over_line(input)?;
            (json!({ "id": null, "error": format!("the line has more than {MAX_LINE} bytes") }), 2)
        } else if line.trim_ascii().is_empty() {
            continue;
        } else {
            answer(&line)
        };
        worst = worst.max(code);
        writeln!(output, "{}", shown_json(&answer.to_string()))?;
        // Who sent one line may wait for its answer before sending the next.
        output.flush()?;
    }
}

/// To the end of a line that is too long.
fn pass_over_line(input: &mut dyn BufRead) -> Result<(), std::io::Error> {
    loop {
        let buffered = input.fill_buf()?;
        let (length, is_end) = match buffered.iter().position(|byte| *byte == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffered.len(), buffered.is_empty()),
        };
        input.consume(length);
        if is_end {
            return Ok(());
        }
    }
}

/// The answer to one line, and its exit code.
fn answer(line: &[u8]) -> (Value, u8) {
    match judged(line) {
        Ok((answer, Indication::TotalPassed)) => (answer, 0),
        Ok((answer, _)) => (answer, 1),
        Err(error) => {
            let id = serde_json::from_slice::<Value>(line).ok().and_then(|value| value.get("id").cloned());
            (json!({ "id": id, "error": error.to_string() }), 2)
        }
    }
}

fn judged(line: &[u8]) -> Result<(Value, Indication), Failure> {
    let line: Line = serde_json::from_slice(line)?;
    let anchors = PathAnchors::from_certificates(decoded("trust_anchors", &line.trust_anchors)?)?;
    let leaf = STANDARD.decode(&line.leaf).map_err(|error| format!("leaf: {error}"))?;
    let intermediates = decoded("intermediates", &line.intermediates)?;
    let (crls, ocsp) = (decoded("crls", &line.crls)?, decoded("ocsp", &line.ocsp)?);
    let (policy, purpose) = rules(line.policy)?;
    let evidence = PathEvidence {
        leaf: &leaf,
        intermediates: &slices(&intermediates),
        crls: &slices(&crls),
        ocsp: &slices(&ocsp),
    };
    let rules = PathRules { policy: &policy, purpose: &purpose, times: Times::at(line.time) };
    let verdict = judge_path(&evidence, &anchors, &rules).verdict;
    let answer = json!({
        "id": line.id,
        "indication": verdict.indication(),
        "sub_indication": verdict.sub_indication(),
        "checks": verdict.checks(),
    });
    Ok((answer, verdict.indication()))
}

fn decoded(field: &str, texts: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
    let one = |(position, text): (usize, &String)| {
        STANDARD.decode(text).map_err(|error| format!("{field}[{position}]: {error}").into())
    };
    texts.iter().enumerate().map(one).collect()
}

fn slices(list: &[Vec<u8>]) -> Vec<&[u8]> {
    list.iter().map(Vec::as_slice).collect()
}

fn rules(line: LinePolicy) -> Result<(ValidationPolicy, Purpose), Failure> {
    let policy = ValidationPolicy {
        id: "batch".to_owned(),
        initial_policy_set: initial_policies(&line.initial_policy_set)?,
        explicit_policy: line.explicit_policy,
        inhibit_any_policy: line.inhibit_any_policy,
        inhibit_policy_mapping: line.inhibit_policy_mapping,
        revocation: line.revocation.unwrap_or(RevocationMode::Required),
        ..ValidationPolicy::default()
    };
    let usage = |name: &String| {
        KeyUsage::from_name(name).ok_or_else(|| format!("policy.key_usage: no key usage is called {name:?}"))
    };
    let purpose = Purpose {
        all_key_usage: line.key_usage.iter().map(usage).collect::<Result<_, _>>()?,
        extended_key_usage: line
            .extended_key_usage
            .iter()
            .map(|text| extended_key_usage(text))
            .collect::<Result<_, _>>()?,
        server_name: line.server_name,
        ..Purpose::default()
    };
    Ok((policy, purpose))
}

/// A set with any-policy in it asks for none (RFC 5280 6.1.1 (c)).
fn initial_policies(texts: &[String]) -> Result<Vec<ObjectIdentifier>, Failure> {
    let one = |text: &String| match text.as_str() {
        "anyPolicy" => Ok(oid::ANY_POLICY),
        text => text.parse().map_err(|_| format!("policy.initial_policy_set: {text:?} is no dotted OID")),
    };
    let set: Vec<ObjectIdentifier> = texts.iter().map(one).collect::<Result<_, _>>()?;
    Ok(if set.contains(&oid::ANY_POLICY) { Vec::new() } else { set })
}

/// A dotted OID, or one of the names of RFC 5280 4.2.1.12.
fn extended_key_usage(text: &str) -> Result<ObjectIdentifier, String> {
    Ok(match text {
        "serverAuth" => oid::SERVER_AUTH,
        "clientAuth" => oid::CLIENT_AUTH,
        "codeSigning" => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.3"),
        "emailProtection" => ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.4"),
        "timeStamping" => oid::TIME_STAMPING,
        "OCSPSigning" => oid::OCSP_SIGNING,
        "anyExtendedKeyUsage" => oid::ANY_EXTENDED_KEY_USAGE,
        dotted => {
            return dotted.parse().map_err(|_| {
                format!("policy.extended_key_usage: {dotted:?} is neither a known name nor a dotted OID")
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::{MAX_LINE, answer_all};

    #[test]
    fn a_line_that_is_too_long_is_answered_and_the_next_one_is_read() {
        let long = vec![b'x'; usize::try_from(MAX_LINE).unwrap() + 5];
        let input = [long.as_slice(), b"\n\n{\"id\":7}\n", long.as_slice()].concat();
        let mut output = Vec::new();
        assert_eq!(answer_all(&mut input.as_slice(), &mut output).unwrap(), 2);
        let lines: Vec<serde_json::Value> =
            output.split(|b| *b == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        assert_eq!(lines.len(), 3);
        assert_eq!([&lines[0]["id"], &lines[1]["id"]], [&serde_json::Value::Null, &7.into()]);
        assert!(lines[1]["error"].as_str().unwrap().contains("trust_anchors"));
    }
}
