//! Mixed verdicts for a second process: `scripts/replay-million` writes them here and replays them with `musubi`.

use std::io::Write as _;
use std::path::PathBuf;

use musubi_kernel::{Random, SeededRandom};
use musubi_pki::{AuthorityKind, TrustAnchors};

use super::made::{attributes_rule, cases, content, platform, sealed, upstream_rule};
use super::support::authority::Authority;
use super::support::{Case, Key, sign};

/// Where the bundles go, and how many.
fn asked() -> Option<(PathBuf, usize)> {
    let folder = std::env::var_os("MUSUBI_REPLAY_FOLDER")?;
    Some((folder.into(), std::env::var("MUSUBI_REPLAY_COUNT").ok()?.parse().ok()?))
}

/// Every kind of case, each time with another document, another time and other rules.
#[test]
#[ignore = "writes files for scripts/replay-million"]
fn mixed_verdicts_are_written_for_a_second_process() {
    let (folder, count) = asked().expect("MUSUBI_REPLAY_FOLDER and MUSUBI_REPLAY_COUNT");
    let roots = folder.join("roots");
    std::fs::create_dir_all(&roots).unwrap();
    let all = [Authority::signature_first(), Authority::signature_second(), Authority::authentication()];
    for (n, authority) in all.iter().enumerate() {
        std::fs::write(roots.join(format!("{n}.der")), authority.certificate()).unwrap();
    }
    let key = musubi_kernel::hex_lower(&platform().public_key());
    std::fs::write(roots.join("platform-key.hex"), key).unwrap();
    assert!(TrustAnchors::insecure_test_hierarchy(all.map(|a| (a.kind, a.certificate()))).is_ok());

    let random = SeededRandom::new([11; 32]);
    let number = || {
        let mut bytes = [0; 4];
        random.fill(&mut bytes);
        u32::from_le_bytes(bytes)
    };
    let kinds = cases();
    let file = std::fs::File::create(folder.join("bundles.cborseq")).unwrap();
    let mut file = std::io::BufWriter::new(file);
    for n in 0..count {
        let (name, kind) = &kinds[n % kinds.len()];
        let document = format!("document {n} of {}", number()).into_bytes();
        let wrong_digest = *name == "another digest";
        let case = Case {
            certificate: kind.certificate.clone(),
            kind: kind.kind,
            signature: if matches!(*name, "no signature" | "signed with another key" | "another document") {
                kind.signature.clone()
            } else {
                sign(Key::Holder, &document)
            },
            digest: kind
                .digest
                .map(|digest| if wrong_digest { digest } else { musubi_crypto::sha256(&document) }),
            document,
            lists: kind.lists.clone(),
            ocsp: kind.ocsp.clone(),
            policy: kind.policy,
            at: kind.at.plus(i64::from(number() % 1200) - 600),
        };
        let rules = match (case.kind, number() % 4) {
            (AuthorityKind::DigitalSignature, 0) => vec![attributes_rule(false)],
            (AuthorityKind::DigitalSignature, 1) => vec![attributes_rule(true), upstream_rule(false)],
            (AuthorityKind::DigitalSignature, 2) => vec![attributes_rule(true), upstream_rule(true)],
            _ => Vec::new(),
        };
        file.write_all(&sealed(&content(&case, rules))).unwrap();
    }
    file.flush().unwrap();
}
