//! Whole judgements under the root of the fixtures, whose keys the fuzzer does not have: nothing passes but what the
//! fixtures' signers signed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use musubi_crypto::sha256;
use musubi_kernel::UnixTime;
use musubi_pki::ValidationPolicy;
use musubi_pki::path::PathAnchors;
use musubi_signature::timestamp::Token;
use musubi_signature::{Context, Found, Signed, detect, judge_document, judge_signature};

/// What the fixtures' signers signed beside the file.
pub(super) const CONTENT: &[u8] = include_bytes!("../../../crates/signature/tests/fixtures/cms/content.txt");
/// The other such contents.
const OTHERS: [&[u8]; 2] = [
    include_bytes!("../../../crates/signature/tests/fixtures/jws/detached.txt"),
    include_bytes!("../../../crates/signature/tests/fixtures/xml/content.txt"),
];

/// The folder of the fixtures: above the package that this is built into.
fn fixtures() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = here.ancestors().map(|folder| folder.join("crates/signature/tests/fixtures"));
    folders.into_iter().find(|folder| folder.is_dir()).expect("the fixtures of the signature crate")
}

/// A fixture of the signature crate.
pub(super) fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(fixtures().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// 2026-12-01T00:00:00Z: all certificates and lists of the fixtures are valid.
const JUDGED_AT: UnixTime = UnixTime(1_796_083_200);

/// What the signer's key signed, and in which format.
type Known = (&'static str, [u8; 32]);

struct World {
    anchors: PathAnchors,
    root: Vec<u8>,
    intermediate: Vec<u8>,
    crls: [Vec<u8>; 2],
    policy: ValidationPolicy,
}

static WORLD: LazyLock<World> = LazyLock::new(|| World {
    anchors: PathAnchors::from_certificates([fixture("pki/root.der")]).expect("one root"),
    root: fixture("pki/root.der"),
    intermediate: fixture("pki/intermediate.der"),
    crls: [fixture("pki/intermediate.crl"), fixture("pki/root.crl")],
    policy: ValidationPolicy::default(),
});

fn known_of(found: &Found<'_>) -> Known {
    let digest = match &found.value.signed {
        Signed::Bytes(bytes) => sha256(bytes),
        Signed::Digest(digest) => sha256(digest.as_ref()),
        Signed::BareDigest(digest) => sha256(digest),
    };
    (found.format, digest)
}

/// Everything that passes in a file, beside one of the contents or alone.
fn passing(file: &[u8]) -> BTreeSet<Known> {
    let world = &*WORLD;
    let crls = [world.crls[0].as_slice(), world.crls[1].as_slice()];
    let context = Context {
        anchors: &world.anchors,
        timestamp_anchors: &world.anchors,
        certificates: &[&world.intermediate],
        crls: &crls,
        ocsp: &[],
        policy: &world.policy,
        judged_at: JUDGED_AT,
    };
    let mut passing = BTreeSet::new();
    let contents = [None, Some(CONTENT)].into_iter().chain(OTHERS.map(Some));
    for detached in contents {
        let Some(format) = detect(file) else { break };
        // The second judgement of the same is left to the formats that take content beside the file.
        let Ok(all) = format.find(file, detached) else { continue };
        for found in all {
            let known = known_of(&found);
            let judgement = judge_signature(found, &context);
            if judgement.verdict.is_passed() {
                let last = judgement.chain.last().expect("a path has a certificate");
                assert_eq!(*last, world.root, "passed without the root");
                passing.insert(known);
            }
        }
    }
    if let Ok(judgement) = judge_document(file, None, &context) {
        let _ = judgement.indication();
    }
    passing
}

/// What passes in the fixtures, and the tokens inside of them.
static SIGNED: LazyLock<BTreeSet<Known>> = LazyLock::new(|| {
    let mut signed = BTreeSet::new();
    for folder in ["cms", "jws", "pdf", "timestamp", "xml"] {
        for entry in std::fs::read_dir(fixtures().join(folder)).expect("a folder of fixtures") {
            let path = entry.expect("a fixture").path();
            let file = std::fs::read(&path).unwrap_or_default();
            signed.extend(passing(&file));
            let Some(format) = detect(&file) else { continue };
            for found in format.find(&file, None).unwrap_or_default() {
                let tokens = found.timestamps.iter().filter_map(|stamp| Token::parse(&stamp.token).ok());
                signed.extend(tokens.map(|token| known_of(&token.found)));
            }
        }
    }
    assert!(signed.len() > 50, "only {} signatures of the fixtures pass", signed.len());
    signed
});

/// Nothing passes that is not known.
pub(super) fn document(input: &[u8]) {
    let known = &*SIGNED;
    for one in passing(input) {
        assert!(known.contains(&one), "what nobody signed passes: {one:?}");
    }
}
