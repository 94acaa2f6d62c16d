//! PDF signatures by pyHanko.

use musubi_pki::SubIndication;

use super::{Judge, python, spread, with_bit_changed};

const SOUND: [(&str, usize); 8] = [
    ("pades-b", 1),
    ("pades-two", 2),
    ("pades-ed25519", 1),
    ("pades-pss", 1),
    ("pades-t", 1),
    ("pades-lta", 2),
    ("certified", 1),
    ("plain-cms", 1),
];

/// Octets up to the end of the largest byte range.
fn covered(file: &[u8]) -> usize {
    let text = String::from_utf8_lossy(file);
    let ends = text.split("/ByteRange [").skip(1).map(|range| {
        let numbers: Vec<usize> =
            range.split(']').next().unwrap().split_ascii_whitespace().map(|n| n.parse().unwrap()).collect();
        numbers[2] + numbers[3]
    });
    ends.max().unwrap()
}

#[test]
fn documents_of_pyhanko_pass_and_no_changed_copy_does() {
    let Some(folder) = python("by_pyhanko.py") else { return };
    let read = |name: &str| std::fs::read(folder.path().join(format!("{name}.pdf"))).unwrap();
    let judge = Judge::new();
    for (name, signatures) in SOUND {
        let file = read(name);
        judge.assert_passes(name, &file, None, signatures);
        // All but the signature values, which may be written with other letters and stand among certificates.
        let mut values: Vec<(usize, usize)> = Vec::new();
        let mut from = 0;
        while let Some(start) = (from..file.len()).find(|at| file[*at..].starts_with(b"/Contents <3")) {
            let end = start + file[start..].iter().position(|byte| *byte == b'>').unwrap();
            values.push((start + 11, end));
            from = end;
        }
        assert_eq!(values.len(), signatures, "{name}");
        let outside = |at: &usize| !values.iter().any(|(start, end)| (start..end).contains(&at));
        // Behind the last time-stamp pyHanko keeps revocation data, of no effect on what is seen.
        let end = covered(&file);
        assert_eq!(end == file.len(), name != "pades-lta", "{name}");
        for at in spread((0..end).filter(outside).collect(), 50) {
            assert!(!judge.passes(&with_bit_changed(&file, at), None), "{name}, octet {at}");
        }
        let more = [&file[..], b"%"].concat();
        assert!(!judge.passes(&more, None), "{name}, with an octet more");
        assert!(!judge.passes(&file[..end - 1], None), "{name}, with an octet less");
    }
    for (name, why) in [
        ("revoked", SubIndication::RevokedNoPoe),
        ("by-authority-of-time", SubIndication::ChainConstraintsFailure),
    ] {
        let judged = judge.judge(&read(name), None).unwrap();
        assert_eq!(judged.signatures[0].verdict.sub_indication(), Some(why), "{name}");
    }
}
