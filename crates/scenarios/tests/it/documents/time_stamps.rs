//! Time-stamps by `openssl ts`.

use std::process::Command;

use super::{Judge, agrees, done, has, pki, spread, with_bit_changed};

const CONTENT: &[u8] = b"A contract between two people, stamped now.\n";

#[test]
fn time_stamps_of_openssl_pass_and_no_changed_copy_does() {
    if !has("openssl", "version") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let judge = Judge::new();
    std::fs::write(path("content"), CONTENT).unwrap();
    std::fs::write(path("serial"), "01\n").unwrap();
    std::fs::write(
        path("ts.cnf"),
        "[tsa]\ndefault_tsa = a\n[a]\nserial = serial\nsigner_digest = sha256\ndefault_policy = 1.2.3.4\n\
         digests = sha256, sha384, sha512\naccuracy = secs:1\ness_cert_id_alg = sha256\n",
    )
    .unwrap();
    let ts = || {
        let mut command = Command::new("openssl");
        command.current_dir(folder.path()).arg("ts");
        command
    };
    for digest in ["-sha256", "-sha384", "-sha512"] {
        done(ts().args(["-query", "-data", "content", digest, "-cert", "-out", "query"]));
        let mut reply = ts();
        reply.args(["-reply", "-queryfile", "query", "-config", "ts.cnf", "-section", "a", "-out", "reply"]);
        done(reply.arg("-signer").arg(pki("tsa.pem")).arg("-inkey").arg(pki("tsa.key")));
        let file = std::fs::read(path("reply")).unwrap();
        judge.assert_passes(digest, &file, Some(CONTENT), 1);
        let mut verify = ts();
        verify.args(["-verify", "-data", "content", "-in", "reply", "-CAfile"]).arg(pki("root.pem"));
        assert!(agrees(verify.arg("-untrusted").arg(pki("intermediate.pem"))), "{digest}");
        for at in 0..CONTENT.len() {
            assert!(!judge.passes(&file, Some(&with_bit_changed(CONTENT, at))), "{digest}, octet {at}");
        }
        // From TSTInfo on; what stands before it are hints that nobody signed.
        let info = (0..file.len()).find(|at| file[*at..].starts_with(b"\x09\x10\x01\x04")).unwrap();
        for at in spread((info..file.len()).collect(), 60) {
            let changed = with_bit_changed(&file, at);
            assert!(!judge.passes(&changed, Some(CONTENT)), "{digest}, octet {at}");
        }
    }
}
