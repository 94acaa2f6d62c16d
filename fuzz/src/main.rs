//! libFuzzer on one of the targets: `MUSUBI_FUZZ_TARGET` names it. `scripts/fuzz` starts it.

#![no_main]

mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("MUSUBI_FUZZ_TARGET").unwrap_or_default();
    let known = targets::TARGETS.iter().find(|(known, _)| *known == name);
    known.unwrap_or_else(|| panic!("MUSUBI_FUZZ_TARGET names no target: {name:?}")).1
});

// What a target reads once is read before the clock of the first input runs.
fuzz_target!(init: TARGET(&[]), |input: &[u8]| TARGET(input));
