//! What a process has in its memory: what a core dump of it would hold.

use std::io::{Read as _, Seek as _, SeekFrom};

/// Which of `wanted` stand anywhere in the readable and writable memory of a process, as `core(5)` dumps it.
pub(crate) fn found_in(process: u32, wanted: &[Vec<u8>]) -> Vec<&[u8]> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).unwrap();
    let mut memory = std::fs::File::open(format!("/proc/{process}/mem")).unwrap();
    let mut looked_at = 0;
    let mut found: Vec<&[u8]> = Vec::new();
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, access) = (fields.next().unwrap(), fields.next().unwrap());
        if !access.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).unwrap();
        if memory.read_exact(&mut bytes).is_err() {
            // Pages of devices cannot be read, and are in no dump.
            continue;
        }
        looked_at += bytes.len();
        found.extend(wanted.iter().map(Vec::as_slice).filter(|needle| contains(&bytes, needle)));
    }
    assert!(looked_at > 1 << 20, "only {looked_at} bytes could be read");
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether `needle` stands in `haystack`.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    let (first, rest) = needle.split_first().expect("something to look for");
    let mut from = 0;
    while let Some(at) = haystack[from..].iter().position(|byte| byte == first) {
        if haystack[from + at + 1..].starts_with(rest) {
            return true;
        }
        from += at + 1;
    }
    false
}
