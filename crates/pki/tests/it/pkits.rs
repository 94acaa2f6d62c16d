//! NIST's Public Key Interoperability Test Suite, whole (`MUSUBI_VECTORS`, else `../shared/vectors` beside the
//! repository): for each of its 247 cases the expected outcome and the expected user-constrained policy set.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use const_oid::ObjectIdentifier;
use musubi_kernel::UnixTime;
use musubi_pki::path::*;
use musubi_pki::{ReasonCode, ValidationPolicy};
use serde_json::Value;

/// Cases that are not as the suite has them, and why: refused by the algorithm policy alone.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("4.1.4", "DSA is in no table of accepted algorithms (FIPS 186-5 withdrew it)"),
    ("4.1.5", "DSA, with parameters inherited from the issuer (RFC 3279 2.3.2), which nothing here reads"),
];

/// The expected set of a valid case that names none.
const USUAL_POLICY: &str = "NIST-test-policy-1";

struct Suite {
    table: Value,
    files: BTreeMap<String, Vec<u8>>,
}

impl Suite {
    #[allow(clippy::print_stderr, reason = "a test that leaves something out says so")]
    /// `None`, said aloud, where the vectors are not at hand; in CI that is a failure.
    fn read() -> Option<Self> {
        let folder = std::env::var_os("MUSUBI_VECTORS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"),
            PathBuf::from,
        );
        let Ok(text) = std::fs::read_to_string(folder.join("pkits/pkits.json")) else {
            let in_ci = std::env::var_os("CI").is_some();
            assert!(!in_ci, "MUSUBI_VECTORS names no folder that has pkits/pkits.json");
            eprintln!("left out: PKITS (MUSUBI_VECTORS names no folder that has it)");
            return None;
        };
        let table: Value = serde_json::from_str(&text).unwrap();
        let decode =
            |text: &Value| base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap();
        let mut files = BTreeMap::new();
        for kind in ["certs", "crls"] {
            for (name, text) in table[kind].as_object().unwrap() {
                files.insert(format!("{kind}/{name}"), decode(text));
            }
        }
        Some(Self { files, table })
    }

    fn cases(&self) -> &[Value] {
        self.table["cases"].as_array().unwrap()
    }

    fn file(&self, kind: &str, name: &Value) -> &[u8] {
        &self.files[&format!("{kind}/{}", name.as_str().unwrap())]
    }

    /// The policies that a text names, separated by commas; any-policy is the empty set.
    fn policies(&self, names: &str) -> Vec<ObjectIdentifier> {
        let known =
            |name: &str| ObjectIdentifier::new(self.table["policies"][name].as_str().unwrap()).unwrap();
        names.split(',').filter(|name| !name.is_empty() && *name != "anyPolicy").map(known).collect()
    }

    fn judge(&self, case: &Value, more: &[&[u8]]) -> PathJudgement {
        let path: Vec<&[u8]> =
            case["path"].as_array().unwrap().iter().map(|name| self.file("certs", name)).collect();
        let (leaf, above) = path.split_last().unwrap();
        let crls: Vec<&[u8]> =
            case["crls"].as_array().unwrap().iter().map(|name| self.file("crls", name)).collect();
        let anchors = PathAnchors::from_certificates([self.file("certs", &case["trust_anchor"])]).unwrap();
        let policy = ValidationPolicy {
            initial_policy_set: self.policies(case["initial_policy_set"].as_str().unwrap()),
            explicit_policy: case["initial_explicit_policy"].as_bool().unwrap(),
            inhibit_policy_mapping: case["initial_policy_mapping_inhibit"].as_bool().unwrap(),
            inhibit_any_policy: case["initial_inhibit_any_policy"].as_bool().unwrap(),
            ..ValidationPolicy::default()
        };
        let at = UnixTime::parse_rfc3339(self.table["validation_time"].as_str().unwrap()).unwrap();
        let intermediates = [above, more].concat();
        let evidence = PathEvidence { leaf, intermediates: &intermediates, crls: &crls, ocsp: &[] };
        let rules = PathRules { policy: &policy, purpose: &Purpose::default(), times: Times::at(at) };
        judge_path(&evidence, &anchors, &rules)
    }

    fn expected_policies(&self, case: &Value) -> Vec<ObjectIdentifier> {
        match case["expected_user_constrained_policy_set"].as_str().unwrap_or(USUAL_POLICY) {
            "anyPolicy" => vec![musubi_pki::oid::ANY_POLICY],
            names => {
                let mut out = self.policies(names);
                out.sort_unstable();
                out
            }
        }
    }
}

/// One case, said as a line if it is not as expected.
fn fault(suite: &Suite, case: &Value, more: &[&[u8]]) -> Option<String> {
    let judgement = suite.judge(case, more);
    let id = case["id"].as_str().unwrap();
    let verdict = &judgement.verdict;
    let exception = EXCEPTIONS.iter().any(|(other, _)| *other == id);
    let should_pass = case["should_validate"].as_bool().unwrap();
    let as_expected = if exception {
        should_pass && verdict.reason() == Some(ReasonCode::CertificateWeakAlgorithm)
    } else {
        verdict.is_passed() == should_pass
            && (!should_pass || judgement.policies == suite.expected_policies(case))
    };
    (!as_expected).then(|| {
        format!(
            "{id} {}: passed {}, {:?}, {:?}, policies {:?}",
            case["title"],
            verdict.is_passed(),
            verdict.sub_indication(),
            verdict
                .checks()
                .iter()
                .filter(|c| c.outcome() != musubi_pki::Outcome::Passed)
                .collect::<Vec<_>>(),
            judgement.policies,
        )
    })
}

#[test]
fn every_case_of_pkits_comes_out_as_the_suite_has_it() {
    let Some(suite) = Suite::read() else { return };
    assert_eq!(suite.cases().len(), 247);
    let faults: Vec<String> = suite.cases().iter().filter_map(|case| fault(&suite, case, &[])).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn a_case_comes_out_the_same_with_all_certificates_of_the_suite_at_hand() {
    let Some(suite) = Suite::read() else { return };
    let all: Vec<&[u8]> = suite
        .files
        .iter()
        .filter(|(name, _)| name.starts_with("certs/"))
        .map(|(_, der)| der.as_slice())
        .collect();
    // One in sixteen: reading the 405 certificates again for each takes its time.
    let cases = suite.cases().iter().step_by(16);
    let faults: Vec<String> = cases.filter_map(|case| fault(&suite, case, &all)).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
