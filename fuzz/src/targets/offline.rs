//! Offline filters and their deltas: nothing is read that the platform did not sign, and nothing that it did sign harms a
//! reader.

use std::sync::LazyLock;

use musubi_crypto::{Ed25519Signer, sha256};
use musubi_kernel::UnixTime;
use musubi_pki::SerialNumber;
use musubi_pki::offline_filter::{
    DELTA_SIGNATURE_CONTEXT, FILTER_SIGNATURE_CONTEXT, FilterDelta, OfflineFilter, check_offline,
};

use super::paths;

/// Longer inputs are opened and looked up in, but not decoded whole: a byte of a filter stands for up to 500 serial
/// numbers.
const WHOLE: usize = 4096;

static PLATFORM: LazyLock<Ed25519Signer> =
    LazyLock::new(|| Ed25519Signer::from_seed(&[7; 32]).expect("a seed of 32 bytes"));

/// The filter at which the seeds' delta begins.
static HELD: LazyLock<OfflineFilter> = LazyLock::new(|| {
    let committed = include_bytes!("../../../docs/spec/vectors/offline-filter/7.filter");
    OfflineFilter::open(committed.to_vec(), &[PLATFORM.public_key()]).expect("a vector of the specification")
});

/// As it is, and with the platform's signature in the place of its last 64 bytes.
pub(crate) fn offline(input: &[u8]) {
    let keys = [PLATFORM.public_key()];
    let stranger = [Ed25519Signer::from_seed(&[8; 32]).expect("a seed of 32 bytes").public_key()];
    assert!(OfflineFilter::open(input.to_vec(), &stranger).is_err(), "a filter that this key did not sign");
    assert!(FilterDelta::open(input.to_vec(), &stranger).is_err(), "a delta that this key did not sign");
    let content = input.get(..input.len().saturating_sub(64)).unwrap_or_default();
    let signed = |context: &[u8]| {
        let signature = PLATFORM.sign(&[context, &sha256(content)].concat());
        [content, &signature].concat()
    };
    if let Ok(filter) = OfflineFilter::open(signed(FILTER_SIGNATURE_CONTEXT), &keys) {
        let serials = [1, 44, 70_000, u32::MAX].map(SerialNumber::from);
        for serial in serials.iter().chain(SerialNumber::from_be_bytes(&[0x7F; 20]).iter()) {
            let _ = filter.answer(serial);
        }
        assert!(filter.coverage().ranges().all(|(first, _)| filter.coverage().covers(&first)));
        let at = UnixTime(1_795_226_584);
        let _ = check_offline(super::signed::leaf(), paths::jpki(), &filter, Some(0), at);
        if input.len() <= WHOLE {
            let _ = filter.serials().count();
        }
    }
    if let Ok(delta) = FilterDelta::open(signed(DELTA_SIGNATURE_CONTEXT), &keys)
        && let Ok(made) = delta.apply(&HELD, &keys)
    {
        assert_eq!(
            (made.sha256(), made.head()),
            (*delta.to_sha256(), delta.head()),
            "another filter than named"
        );
    }
}
