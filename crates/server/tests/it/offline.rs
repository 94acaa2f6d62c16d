//! `musubi offline`: what is said of a certificate by the platform's filter alone, in both languages, with its age; and what
//! is refused.

use std::path::{Path, PathBuf};

use musubi_crypto::{Ed25519Signer, sha256};
use musubi_pki::SerialNumber;
use musubi_pki::offline_filter::{Coverage, FilterDelta, FilterHead, OfflineFilter};
use serde_json::{Value, json};

use crate::program::{Run, musubi};

#[path = "../../../pki/tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, unreachable_pub, reason = "shared with another crate's tests")]
mod support;

use support::authority::{Authority, Leaf};
use support::{DAY, HOUR, NOW};

const LISTED: u32 = 0x1E_E607;

fn platform() -> Ed25519Signer {
    Ed25519Signer::from_seed(&[5; 32]).unwrap()
}

fn filter(number: u64, listed: &[u32]) -> OfflineFilter {
    let head = FilterHead {
        issuer: sha256(&Authority::signature_second().certificate()),
        list_sha256: [3; 32],
        list_number: number,
        this_update: NOW.plus(-HOUR),
        next_update: NOW.plus(DAY),
    };
    let coverage = Coverage::of([(SerialNumber::from(1), SerialNumber::from(0x20_0000))]);
    let listed = listed.iter().map(|serial| SerialNumber::from(*serial));
    OfflineFilter::build(&head, &coverage, listed, &platform()).unwrap()
}

/// A device's folder: roots, certificate, filters of lists 7 and 8, the delta between them.
struct Device(tempfile::TempDir);

impl Device {
    fn new() -> Self {
        let device = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(device.0.path().join("roots")).unwrap();
        let authority = Authority::signature_second();
        device.write("roots/second.der", &authority.certificate());
        device.write("certificate.der", &authority.issue(&Leaf::signature()));
        let (seven, eight) = (filter(7, &[44]), filter(8, &[44, LISTED]));
        device.write("7.filter", seven.as_bytes());
        device.write("8.filter", eight.as_bytes());
        let delta = FilterDelta::between(&seven, &eight, &platform()).unwrap();
        device.write("8.delta", delta.as_bytes());
        device
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// `musubi offline …` with names of files in the folder (`@name`), the roots and the platform's key.
    fn run(&self, arguments: &[&str]) -> Run {
        let key = hex::encode(platform().public_key());
        let roots = self.path("roots");
        let mut all = vec!["offline".to_owned(), arguments[0].to_owned()];
        all.extend(["--platform-key".to_owned(), key, "--anchors".to_owned(), roots]);
        all.extend(arguments[1..].iter().map(|argument| match argument.strip_prefix('@') {
            Some(name) => self.path(name),
            None => (*argument).to_owned(),
        }));
        musubi(&all.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn check(&self, more: &[&str]) -> Run {
        let at = NOW.rfc3339();
        let mut all = vec!["check", "--filter", "@7.filter", "@certificate.der"];
        if !more.contains(&"--at") {
            all.extend(["--at", &at]);
        }
        all.extend(more);
        self.run(&all)
    }
}

#[test]
fn a_certificate_that_is_not_on_a_fresh_list_exits_with_0_and_the_age_is_said_in_both_languages() {
    let run = Device::new().check(&[]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    for told in [
        "失効リストに載っていません",
        "Good as of the list below",
        "TOTAL-PASSED (not_listed)",
        "1時間0分前 / 1 h 0 min ago",
        "That who shows it is its holder was not checked",
    ] {
        assert!(run.out.contains(told), "{told}\n{}", run.out);
    }
    assert!(!run.out.contains("1EE607"), "{}", run.out);
}

#[test]
fn a_delta_brings_the_revocation() {
    let device = Device::new();
    let run = device.check(&["--delta", "@8.delta", "--json"]);
    assert_eq!(run.code, 1, "{}", run.err);
    let told: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        told,
        json!({
            "finding": "listed", "indication": "TOTAL-FAILED", "sub_indication": "REVOKED",
            "checked_for": NOW.rfc3339(), "certificate_kind": "digital_signature", "list_number": 8,
            "this_update": NOW.plus(-HOUR).rfc3339(), "next_update": NOW.plus(DAY).rfc3339(), "age_seconds": HOUR,
        })
    );
    let text = device.check(&["--delta", "@8.delta"]).out;
    assert!(
        text.contains("失効しています") && text.contains("Revoked: the certificate is on the list"),
        "{text}"
    );
}

#[test]
fn too_old_not_covered_and_of_another_authority_are_never_good() {
    let device = Device::new();
    let finding = |run: Run| {
        assert_eq!(run.code, 1, "{}", run.err);
        let told: Value = serde_json::from_str(&run.out).unwrap();
        assert_ne!(told["indication"], "TOTAL-PASSED");
        told["finding"].as_str().unwrap().to_owned()
    };
    let later = NOW.plus(DAY + 1).rfc3339();
    assert_eq!(finding(device.check(&["--json", "--at", &later])), "too_old");
    assert_eq!(finding(device.check(&["--json", "--max-age", "3599"])), "too_old");
    let mut beyond = Leaf::signature();
    beyond.serial = support::der::integer(&[0x7F, 0, 0, 0]);
    device.write("certificate.der", &Authority::signature_second().issue(&beyond));
    assert_eq!(finding(device.check(&["--json"])), "not_covered");
    let run = device.check(&[]);
    assert!(
        run.out.contains("失効していないという意味ではありません") && !run.out.contains("有効です"),
        "{}",
        run.out
    );
    device.write("roots/first.der", &Authority::signature_first().certificate());
    device.write("certificate.der", &Authority::signature_first().issue(&Leaf::signature()));
    assert_eq!(finding(device.check(&["--json"])), "other_authority");
    device.write("certificate.der", &Authority::authentication().issue(&Leaf::authentication()));
    assert_eq!(finding(device.check(&["--json"])), "unknown_issuer");
}

#[track_caller]
fn refused(run: &Run, code: i32, why: &str) {
    assert_eq!((run.code, run.out.as_str()), (code, ""), "{}", run.err);
    assert!(run.err.contains(why), "{}", run.err);
}

#[test]
fn forged_changed_and_older_filters_judge_nothing() {
    let device = Device::new();
    let mut changed = filter(7, &[44]).as_bytes().to_vec();
    changed[90] ^= 1;
    device.write("7.filter", &changed);
    refused(&device.check(&[]), 2, "the offline filter's signature does not verify");
    device.write("7.filter", b"MUSUBIOF");
    refused(&device.check(&[]), 2, "not an offline filter");
    device.write("7.filter", filter(7, &[45]).as_bytes());
    refused(&device.check(&["--delta", "@8.delta"]), 2, "the delta begins at the filter of list 7");
    refused(&device.check(&["--at-least", "8"]), 2, "list 8 was seen already");
    assert_eq!(device.check(&["--at-least", "7"]).code, 0);
    device.write("certificate.der", b"no certificate");
    refused(&device.check(&[]), 2, "no CERTIFICATE in it");
}

#[test]
fn a_device_brings_its_filter_up_to_date_and_never_back() {
    let device = Device::new();
    device.write("held.filter", &std::fs::read(device.path("7.filter")).unwrap());
    let update =
        device.run(&["update", "--filter", "@held.filter", "--delta", "@8.delta", "--out", "@held.filter"]);
    assert_eq!((update.code, update.err.as_str()), (0, ""));
    let eight = std::fs::read(device.path("8.filter")).unwrap();
    assert_eq!(std::fs::read(device.path("held.filter")).unwrap(), eight);
    assert!(update.out.contains(&hex::encode(sha256(&eight))), "{}", update.out);
    assert!(!Path::new(&device.path("held.filter.new")).exists());
    let back = device.run(&["update", "--filter", "@7.filter", "--out", "@held.filter"]);
    refused(&back, 2, "the filter is of list 7, older than list 8, which is held");
    let over = device.run(&["update", "--filter", "@7.filter", "--out", "@certificate.der"]);
    refused(&over, 2, "not an offline filter");
    assert_eq!(std::fs::read(device.path("held.filter")).unwrap(), eight);
}

#[test]
fn without_a_platform_key_nothing_is_trusted() {
    let device = Device::new();
    let without = |more: &[&str]| {
        let (filter, roots, certificate) =
            (device.path("7.filter"), device.path("roots"), device.path("certificate.der"));
        let mut all = vec!["offline", "check", "--filter", &filter, "--anchors", &roots, &certificate];
        all.extend(more);
        musubi(&all)
    };
    refused(&without(&[]), 64, "give the platform's public key");
    refused(&without(&["--platform-key", "00"]), 64, "64 hex digits");
    let stranger = hex::encode([1; 32]);
    refused(&without(&["--platform-key", &stranger]), 2, "signature does not verify");
    device.write("roots/platform-key.hex", hex::encode(platform().public_key()).as_bytes());
    assert_eq!(without(&["--at", &NOW.rfc3339()]).code, 0);
}

/// A configuration of which only the database is there.
fn configuration(folder: &Path) -> String {
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/musubi.example.toml");
    let text = std::fs::read_to_string(example).unwrap();
    let database = format!("sqlite:{}", folder.join("platform.sqlite").display());
    let file = folder.join("musubi.toml");
    std::fs::write(&file, text.replace("sqlite:/var/lib/musubi/platform.sqlite", &database)).unwrap();
    file.display().to_string()
}

#[test]
fn the_operator_says_who_may_have_offline_filters() {
    let folder = tempfile::tempdir().unwrap();
    let config = configuration(folder.path());
    let done = |arguments: &[&str]| {
        let mut all = arguments.to_vec();
        all.extend(["--config", &config]);
        let run = musubi(&all);
        assert_eq!(run.code, 0, "{arguments:?}: {}", run.err);
        run.out
    };
    done(&["migrate"]);
    let keys = folder.path().join("keys.json");
    std::fs::write(&keys, musubi_crypto::ClientKey::generate().unwrap().jwk_set()).unwrap();
    let (keys, origin) = (keys.display().to_string(), "https://shelter.example");
    let added = [
        "relying-party",
        "add",
        "--name-ja",
        "避難所",
        "--name-en",
        "Shelter",
        "--origin",
        origin,
        "--keys",
        &keys,
    ];
    let shelter = done(&added).trim().to_owned();
    assert_eq!(done(&["offline-filter", "list"]), "");
    for _ in 0..2 {
        assert_eq!(done(&["offline-filter", "allow", &shelter]), "");
        let listed = done(&["offline-filter", "list"]);
        assert!(listed.starts_with(&format!("{shelter}\t")) && listed.lines().count() == 1, "{listed}");
    }
    done(&["offline-filter", "deny", &shelter]);
    assert_eq!(done(&["offline-filter", "list"]), "");
    let nobody = "rp_00000000000000000000000000000000";
    let refused = musubi(&["offline-filter", "allow", nobody, "--config", &config]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("there is no such relying party"), "{}", refused.err);
}
