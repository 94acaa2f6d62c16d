//! What is recognised byte by byte is what the strict reader reads, and the buffer's edges are not seen.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::*;
use crate::source::SourceError;

/// Bytes that are read at most this many at once.
struct Counting {
    bytes: Vec<u8>,
    largest: AtomicUsize,
}

impl Source for Counting {
    fn len(&self) -> u64 {
        wide(self.bytes.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<(), SourceError> {
        self.largest.fetch_max(into.len(), Ordering::Relaxed);
        (&self.bytes[..]).read_at(offset, into)
    }
}

fn usual_entry(serial: &[u8], time: &[u8; 13], code: Option<u8>) -> Vec<u8> {
    let mut content = vec![0x02, u8::try_from(serial.len()).unwrap()];
    content.extend(serial);
    content.extend([0x17, 0x0D]);
    content.extend(time);
    if let Some(code) = code {
        content.extend([0x30, 0x0C, 0x30, 0x0A, 0x06, 0x03, 0x55, 0x1D, 0x15, 0x04, 0x03, 0x0A, 0x01, code]);
    }
    [&[0x30, u8::try_from(content.len()).unwrap()], &content[..]].concat()
}

fn time() -> impl Strategy<Value = [u8; 13]> {
    // Also months, days and hours that there are not.
    (0..100_u8, 0..14_u8, 0..33_u8, 0..25_u8, 0..61_u8, 0..61_u8).prop_map(|(y, mo, d, h, mi, s)| {
        let text = format!("{y:02}{mo:02}{d:02}{h:02}{mi:02}{s:02}Z");
        text.as_bytes().try_into().unwrap()
    })
}

proptest! {
    #[test]
    fn the_usual_form_and_the_strict_reader_agree(
        serial in prop::collection::vec(any::<u8>(), 0..23),
        zero in any::<bool>(),
        time in time(),
        code in proptest::option::of(0..12_u8),
        wrong in proptest::option::of((any::<prop::sample::Index>(), any::<u8>())),
        behind in prop::collection::vec(any::<u8>(), 0..3),
    ) {
        let serial = if zero { [&[0][..], &serial].concat() } else { serial };
        let mut bytes = usual_entry(&serial, &time, code);
        if let Some((at, byte)) = wrong {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let length = bytes.len();
        bytes.extend(&behind);
        if let Some((entry, rest)) = usual(&bytes, &mut Days::default()) {
            prop_assert_eq!(rest, &bytes[bytes.len() - rest.len()..]);
            let read = strict(&bytes[..bytes.len() - rest.len()], Wanted::Complete);
            prop_assert!(read == Ok(entry), "recognised what is not there");
        } else if let Ok(entry) = strict(&bytes[..length], Wanted::Complete) {
            // What was built in the usual form and is right is recognised.
            prop_assert!(wrong.is_some(), "{:?} was not recognised", entry.at);
        }
    }
}

#[test]
fn a_buffer_s_edge_may_fall_anywhere() {
    // 22 and 36 octets in turn: the edges of buffers fall on every place of an entry.
    let mut bytes = Vec::new();
    let mut expected = Vec::new();
    for n in 0..120_000_u64 {
        let serial = (0x0100_0000 + n).to_be_bytes();
        let code = (n % 3 == 0).then_some(4);
        bytes.extend(usual_entry(&serial[4..], b"260101000000Z", code));
        expected.push((Key::Short(0x0100_0000 + n), code.unwrap_or(0)));
    }
    let end = wide(bytes.len());
    assert!(bytes.len() > 3 * BUFFER);
    let source = Counting { bytes, largest: AtomicUsize::new(0) };
    let mut found = Vec::new();
    let mut read = |entry: Entry| {
        found.push((entry.key, entry.code));
        Ok(())
    };
    each(&source, (0, end), Wanted::Complete, &mut |_| Ok(()), &mut read).unwrap();
    assert!(found == expected);
    assert!(source.largest.into_inner() <= BUFFER);
}

#[test]
fn an_entry_that_does_not_end_in_the_list_or_in_the_buffer_is_refused() {
    let read = |bytes: Vec<u8>| {
        let end = wide(bytes.len());
        let source = Counting { bytes, largest: AtomicUsize::new(0) };
        each(&source, (0, end), Wanted::Complete, &mut |_| Ok(()), &mut |_| Ok(())).unwrap_err()
    };
    let entry = usual_entry(&[5], b"260101000000Z", None);
    assert_eq!(read(entry[..entry.len() - 1].to_vec()), CrlError::Malformed);
    assert_eq!(read([&entry[..], &[0x30]].concat()), CrlError::Malformed);
    assert_eq!(read([&entry[..], &[0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF]].concat()), CrlError::Malformed);
    let mut long = vec![0; 2 * BUFFER];
    long[..5].copy_from_slice(&[0x30, 0x83, 0x1F, 0xFF, 0xFB]);
    assert_eq!(read(long), CrlError::EntryTooLarge);
}
