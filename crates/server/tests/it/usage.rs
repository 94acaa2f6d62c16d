//! Wrong arguments exit with 64 (`EX_USAGE`), whatever the command; help and version with 0.

use crate::program::{fixture, musubi, verify};

#[test]
fn wrong_arguments_of_every_command_exit_with_64() {
    for wrong in [
        &[][..],
        &["nothing"],
        &["--nothing"],
        &["serve", "--nothing"],
        &["migrate", "more"],
        &["config"],
        &["config", "check", "more"],
        &["relying-party"],
        &["relying-party", "add"],
        &["relying-party", "list", "more"],
        &["policy", "add"],
        &["policy", "assign", "rp", "id", "not-a-number"],
        &["bundle", "export"],
        &["replay"],
        &["verify"],
        &["verify", "--at", "yesterday", "a.pdf"],
        &["verify", "--language", "fr", "a.pdf"],
        &["verify", "--format", "docx", "a.pdf"],
        &["verify", "--json", "--report", "a.pdf"],
        &["verify", "--signature", "s", "a.txt"],
        &["verify", "--content", "c", "a.p7", "b.p7"],
        &["verify", "--report", "a.pdf", "b.pdf"],
        &["inspect"],
        &["inspect", "a", "b"],
        &["follow"],
        &["follow", "--api", "http://api.test"],
        &["follow", "verify", "file"],
        &["follow", "--live", "--once", "--api", "a", "--client-id", "b", "--key", "c", "--place", "d"],
        &["path"],
        &["path", "--batch", "file"],
        &["offline"],
        &["offline", "check", "certificate.der"],
        &["offline", "check", "--filter", "f", "--max-age", "-1", "certificate.der"],
        &["offline", "update", "--filter", "f"],
        &["offline-filter", "allow"],
        &["offline-filter", "deny", "--nothing"],
    ] {
        let run = musubi(wrong);
        assert_eq!((run.code, run.out.as_str()), (64, ""), "{wrong:?}: {}", run.err);
        assert!(!run.err.is_empty(), "{wrong:?}");
    }
}

#[test]
fn help_and_version_exit_with_0() {
    for asked in
        [&["--help"][..], &["--version"], &["verify", "--help"], &["inspect", "-h"], &["path", "--help"]]
    {
        let run = musubi(asked);
        assert_eq!((run.code, run.err.as_str()), (0, ""), "{asked:?}");
        assert!(run.out.contains("musubi"), "{asked:?}");
    }
    assert!(musubi(&["verify", "--help"]).out.contains("Exit codes: 0"));
}

#[test]
fn what_the_options_name_must_be_there_and_be_what_they_ask_for() {
    let pdf = fixture("pdf/pades-b-rsa.pdf");
    for (option, value) in [
        ("--trust", "nowhere".to_owned()),
        ("--trust", fixture("pki/root.crl")),
        ("--trust", fixture("pki/root.key")),
        ("--trust", fixture("jws")),
        ("--trust-timestamps", fixture("cms/content.txt")),
        ("--crl", fixture("pki/root.der")),
        ("--ocsp", fixture("pki/root.crl")),
        ("--policy", fixture("jws/rs256.json")),
        ("--content", "nowhere".to_owned()),
    ] {
        let run = verify(&[option, &value, &pdf]);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{option} {value}: {}", run.err);
        assert!(run.err.starts_with("musubi verify: "), "{}", run.err);
    }
}
