//! `musubi path --batch`: one answer for each line, in order, whatever the lines are.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::program::{Run, bytes, with_input};

fn der(name: &str) -> String {
    STANDARD.encode(bytes(&format!("pki/{name}")))
}

/// The line for a signer of the fixtures.
fn line(id: impl Into<Value>, signer: &str) -> Value {
    json!({
        "id": id.into(),
        "trust_anchors": [der("root.der")],
        "intermediates": [der("intermediate.der")],
        "leaf": der(&format!("{signer}.der")),
        "crls": [der("root.crl"), der("intermediate.crl")],
        "ocsp": [],
        "time": "2026-12-01T00:00:00Z",
        "policy": { "revocation": "required" },
    })
}

fn with(mut line: Value, name: &str, value: Value) -> Value {
    line["policy"][name] = value;
    line
}

fn batch(lines: &[Value]) -> Run {
    let text: Vec<String> = lines.iter().map(Value::to_string).collect();
    with_input(&["path", "--batch"], text.join("\n").as_bytes())
}

#[test]
fn every_line_is_answered_in_order_and_the_highest_code_counts() {
    let run = batch(&[line("good", "signer-rsa")]);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{}", run.out);
    let answer = &run.lines()[0];
    let fields: Vec<&String> = answer.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["checks", "id", "indication", "sub_indication"]);
    assert_eq!((&answer["id"], &answer["indication"]), (&"good".into(), &"TOTAL-PASSED".into()));
    assert_eq!(answer["sub_indication"], Value::Null);
    let check = &answer["checks"][0];
    assert_eq!((&check["id"], &check["outcome"]), (&"certificate.format".into(), &"passed".into()));

    let run = batch(&[line(1, "signer-revoked"), line(2, "signer-p256"), line(3, "stranger")]);
    assert_eq!(run.code, 1);
    let told: Vec<(Value, Value)> =
        run.lines().iter().map(|line| (line["id"].clone(), line["sub_indication"].clone())).collect();
    let expected = [
        (json!(1), json!("REVOKED_NO_POE")),
        (json!(2), Value::Null),
        (json!(3), json!("NO_CERTIFICATE_CHAIN_FOUND")),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_line_that_is_none_is_answered_with_its_fault_and_the_others_are_judged() {
    let mut unknown = line("unknown field", "signer-rsa");
    unknown["leave"] = json!(1);
    let mut anchor = line("anchor", "signer-rsa");
    anchor["trust_anchors"] = json!(["AAAA"]);
    let mut time = line("time", "signer-rsa");
    time["time"] = json!("yesterday");
    let faulty = [
        unknown.to_string(),
        anchor.to_string(),
        time.to_string(),
        with(line("usage", "signer-rsa"), "key_usage", json!(["signing"])).to_string(),
        with(line("purpose", "signer-rsa"), "extended_key_usage", json!(["server"])).to_string(),
        with(line("policy", "signer-rsa"), "initial_policy_set", json!(["x"])).to_string(),
        with(line("mode", "signer-rsa"), "revocation", json!("sometimes")).to_string(),
        with(line("policy field", "signer-rsa"), "strict", json!(true)).to_string(),
        "garbage \u{1B}[2J\u{202E}".to_owned(),
        "[]".to_owned(),
        "\"\\u001b[2J\"".to_owned(),
        "{\"id\":{\"a\":[1]}}".to_owned(),
        "[".repeat(100_000),
    ];
    let mut input: Vec<u8> = faulty.join("\n").into_bytes();
    input.extend_from_slice(b"\n\xFF\xFE\n\n   \n");
    input.extend_from_slice(line("last", "signer-rsa").to_string().as_bytes());
    let run = with_input(&["path", "--batch"], &input);
    assert_eq!((run.code, run.err.as_str()), (2, ""));
    let answers = run.lines();
    assert_eq!(answers.len(), faulty.len() + 2);
    let (last, others) = answers.split_last().unwrap();
    assert_eq!(last["indication"], "TOTAL-PASSED");
    for answer in others {
        assert!(answer["error"].is_string() && answer["indication"].is_null(), "{answer}");
    }
    for (answer, id) in others.iter().zip(["unknown field", "anchor", "time", "usage", "purpose", "policy"]) {
        assert_eq!(answer["id"], id);
    }
    assert_eq!(others[11]["id"], json!({ "a": [1] }));
    assert!(!run.out.lines().any(|line| line.chars().any(musubi_kernel::deceives)));
}

#[test]
fn what_is_asked_of_the_leaf_is_asked_of_all_its_usages() {
    let case = |name: &str, value: Value| {
        let run = batch(&[with(line(1, "signer-rsa"), name, value)]);
        (run.code, run.lines().remove(0)["sub_indication"].clone())
    };
    let passed = (0, Value::Null);
    let broken = (1, json!("CHAIN_CONSTRAINTS_FAILURE"));
    assert_eq!(case("key_usage", json!([])), passed);
    assert_eq!(case("key_usage", json!(["digitalSignature"])), passed);
    assert_eq!(case("key_usage", json!(["digitalSignature", "keyCertSign"])), broken);
    assert_eq!(case("server_name", json!("example.jp")), broken);
    assert_eq!(case("server_name", Value::Null), passed);
    assert_eq!(case("explicit_policy", json!(false)), passed);
    assert_eq!(case("initial_policy_set", json!(["2.5.29.32.0", "1.2.3"])), passed);
    let without = |mode: &str| {
        let mut line = with(line(1, "signer-rsa"), "revocation", json!(mode));
        line["crls"] = json!([]);
        batch(&[line]).code
    };
    assert_eq!([without("required"), without("if_present"), without("off")], [1, 0, 0]);
    // Unless it is said otherwise, revocation data are required.
    let mut silent = line(1, "signer-rsa");
    silent["crls"] = json!([]);
    silent["policy"] = Value::Null;
    assert_eq!(batch(&[silent]).lines()[0]["sub_indication"], "TRY_LATER");
    // A time-stamping authority's purpose, by name and by number.
    for purpose in ["timeStamping", "1.3.6.1.5.5.7.3.8"] {
        let tsa = with(line(1, "tsa"), "extended_key_usage", json!([purpose]));
        assert_eq!(batch(&[tsa]).code, 0);
    }
    let tsa = with(line(1, "tsa"), "extended_key_usage", json!(["clientAuth"]));
    assert_eq!(batch(&[tsa]).code, 1);
}

#[test]
fn an_answer_comes_before_the_next_line_is_sent() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_musubi"))
        .args(["path", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut to, mut from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for id in 0..3 {
        writeln!(to, "{}", line(id, "signer-p384")).unwrap();
        let mut answer = String::new();
        from.read_line(&mut answer).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap()["id"], id);
    }
    drop(to);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A few cases of NIST's suite, if it is at hand: right and wrong signatures, revocation, policies, constraints.
#[test]
#[allow(clippy::print_stderr, reason = "a test that leaves something out says so")]
fn cases_of_pkits_come_out_as_the_suite_has_them() {
    let folder = std::env::var_os("MUSUBI_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("pkits/pkits.json")) else {
        assert!(std::env::var_os("CI").is_none(), "MUSUBI_VECTORS names no folder that has pkits/pkits.json");
        eprintln!("left out: PKITS (MUSUBI_VECTORS names no folder that has it)");
        return;
    };
    let suite: Value = serde_json::from_str(&text).unwrap();
    let chosen = ["4.1.1", "4.1.2", "4.2.1", "4.4.3", "4.6.1", "4.7.2", "4.8.1", "4.8.6", "4.13.1", "4.13.2"];
    let cases: Vec<&Value> = suite["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| chosen.iter().any(|id| case["id"] == *id))
        .collect();
    assert!(cases.len() >= chosen.len());
    let of = |kind: &str, names: &Value| -> Vec<Value> {
        names.as_array().unwrap().iter().map(|name| suite[kind][name.as_str().unwrap()].clone()).collect()
    };
    let lines: Vec<Value> = cases
        .iter()
        .map(|case| {
            let mut path = of("certs", &case["path"]);
            let leaf = path.pop().unwrap();
            let policies: Vec<Value> = case["initial_policy_set"]
                .as_str()
                .unwrap()
                .split(',')
                .map(|name| suite["policies"].get(name).cloned().unwrap_or_else(|| json!("anyPolicy")))
                .collect();
            json!({
                "id": case["id"],
                "trust_anchors": [suite["certs"][case["trust_anchor"].as_str().unwrap()]],
                "intermediates": path,
                "leaf": leaf,
                "crls": of("crls", &case["crls"]),
                "time": suite["validation_time"],
                "policy": {
                    "initial_policy_set": policies,
                    "explicit_policy": case["initial_explicit_policy"],
                    "inhibit_any_policy": case["initial_inhibit_any_policy"],
                    "inhibit_policy_mapping": case["initial_policy_mapping_inhibit"],
                },
            })
        })
        .collect();
    let run = batch(&lines);
    assert_eq!(run.code, 1, "{}", run.err);
    for (case, answer) in cases.iter().zip(run.lines()) {
        assert_eq!(answer["id"], case["id"]);
        let has_passed = answer["indication"] == "TOTAL-PASSED";
        assert_eq!(has_passed, case["should_validate"].as_bool().unwrap(), "{answer}");
    }
}
