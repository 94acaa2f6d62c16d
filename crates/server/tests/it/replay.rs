//! `musubi replay` on the committed bundles, in a process with another language and time zone.

use std::path::PathBuf;
use std::process::{Command, Output};

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/spec/vectors")
}

fn file(name: &str) -> String {
    vectors().join(name).display().to_string()
}

fn musubi(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_musubi"))
        .arg("replay")
        .args(arguments)
        .env("LANG", "tr_TR.UTF-8")
        .env("LC_ALL", "tr_TR.UTF-8")
        .env("TZ", "Pacific/Kiritimati")
        .output()
        .unwrap()
}

/// Exit code and what was written.
fn replay(arguments: &[&str]) -> (i32, String) {
    let output = musubi(arguments);
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_verdict_that_follows_exits_with_0() {
    let (roots, list) = (file("roots"), file("revoked.crl"));
    let (code, text) = replay(&[&file("revoked.bundle"), "--roots", &roots]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("Identical") && text.contains("REVOKED_NO_POE"), "{text}");
    assert!(text.contains("2026-11-21T02:03:04Z") && text.contains("platform's word; check it with --list"));
    let (code, text) = replay(&[&file("revoked.bundle"), "--roots", &roots, "--list", &list]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("checked with the list"), "{text}");
}

#[test]
fn json_is_one_line_with_the_verdict() {
    let (code, text) = replay(&[&file("passed.bundle"), "--roots", &file("roots"), "--json"]);
    assert_eq!((code, text.lines().count()), (0, 1));
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&value["identical"], &value["verdict"]["indication"]),
        (&true.into(), &"TOTAL-PASSED".into())
    );
    assert_eq!(value["recorded_rules"], serde_json::json!(["attributes.match", "upstream.correspondence"]));
}

#[test]
fn a_verdict_can_be_had_as_a_report_of_ts_119_102_2() {
    let (code, text) = replay(&[&file("revoked.bundle"), "--roots", &file("roots"), "--report"]);
    assert_eq!(code, 0, "{text}");
    for part in [
        "<ValidationReport xmlns=\"http://uri.etsi.org/19102/v1.2.1#\"",
        "urn:etsi:019102:mainindication:indeterminate",
        "urn:etsi:019102:subindication:REVOKED_NO_POE",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let (code, _) = replay(&[&file("revoked.bundle"), "--report", "--json"]);
    assert_eq!(code, 64);
}

#[test]
fn what_differs_exits_with_1_and_is_named() {
    let (roots, key) = (file("roots"), "00".repeat(32));
    let bundle = file("passed.bundle");
    let (code, text) = replay(&[&bundle, "--roots", &roots, "--platform-key", &key, "--json"]);
    assert_eq!(code, 1);
    assert!(text.contains("\"bundle.unknown_platform_key\""), "{text}");
    let (code, text) = replay(&[&bundle, "--roots", &roots, "--list", &file("revoked.crl")]);
    assert_eq!(code, 1);
    assert!(text.contains("Different"), "{text}");
    // Under the production roots a test certificate is nobody's.
    let key = std::fs::read_to_string(vectors().join("roots/platform-key.hex")).unwrap();
    let (code, text) = replay(&[&bundle, "--platform-key", key.trim()]);
    assert_eq!(code, 1, "{text}");
}

#[test]
fn what_cannot_be_read_exits_with_2_and_wrong_arguments_with_64() {
    let roots = file("roots");
    assert_eq!(replay(&[&file("passed.crl"), "--roots", &roots]).0, 2);
    assert_eq!(replay(&[&file("nothing.bundle"), "--roots", &roots]).0, 2);
    assert_eq!(replay(&[&file("passed.bundle")]).0, 64);
    assert_eq!(replay(&[&file("passed.bundle"), "--roots", &file("nowhere")]).0, 64);
    assert_eq!(replay(&[&file("passed.bundle"), "--roots", &roots, "--platform-key", "xyz"]).0, 64);
    assert_eq!(replay(&[]).0, 64);
    assert_eq!(replay(&["--help"]).0, 0);
}

#[test]
fn a_sequence_is_replayed_to_its_end() {
    let names = ["passed", "revoked", "refused-by-rule"];
    let bundles = names.map(|name| std::fs::read(vectors().join(format!("{name}.bundle"))).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundles");
    std::fs::write(&path, bundles.concat()).unwrap();
    let path = path.display().to_string();
    let (code, text) = replay(&["--sequence", &path, "--roots", &file("roots"), "--json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &value["replayed"], &value["identical"]), (0, &3.into(), &true.into()));
    assert_eq!(value["indications"]["TOTAL-PASSED"], 1);

    let mut changed = bundles.concat();
    changed[bundles[0].len() + 900] ^= 1;
    std::fs::write(&path, changed).unwrap();
    let (code, text) = replay(&["--sequence", &path, "--roots", &file("roots"), "--json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &value["replayed"], &value["first"]["at"]), (1, &3.into(), &1.into()), "{text}");

    // A file without a bundle proves nothing.
    std::fs::write(&path, b"").unwrap();
    assert_eq!(replay(&["--sequence", &path, "--roots", &file("roots")]).0, 2);
}

#[test]
fn a_presence_without_pin_is_told_as_such() {
    let (bundle, roots) = (file("presence/present.bundle"), file("presence/roots"));
    let (code, text) = replay(&[&bundle, "--roots", &roots]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("TOTAL-PASSED") && text.contains("its holder did not authenticate"), "{text}");
    let (code, text) = replay(&[&bundle, "--roots", &roots, "--json"]);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &value["kind"]), (0, &"jpki.presence".into()));
    let (code, text) = replay(&[&bundle, "--roots", &roots, "--report"]);
    assert!(code == 0 && text.contains("card presence without PIN"), "{text}");
    let (_, text) = replay(&[&file("passed.bundle"), "--roots", &file("roots")]);
    assert!(!text.contains("did not authenticate"), "{text}");
}
