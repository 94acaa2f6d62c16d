//! Data objects of the card's files: tag, length, value (BER-TLV as in ISO 7816-4 5.2.2). Tags of one or two bytes, lengths
//! below 65,536. Interprets no tag.
//!
//! The card writes 128 to 255 as `82 00 xx`, so the shortest length is not demanded; what is written here is written as
//! the card does it.

/// A tag of one byte (`86`) or of two (`DF22`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(pub u16);

impl std::fmt::Debug for Tag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tag({:02X})", self.0)
    }
}

/// Bytes that are not the data objects that were expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TlvError {
    /// The bytes end within a data object.
    #[error("a data object is cut off")]
    CutOff,
    /// A tag of three or more bytes, or a length of a form that cards do not use.
    #[error("a data object has a tag or a length of an unknown form")]
    UnknownForm,
    /// Another tag, or none.
    #[error("the data object {0:?} is missing")]
    Missing(Tag),
    /// Bytes behind the last data object.
    #[error("there are bytes behind the data objects")]
    Trailing,
    /// A value of 65,536 bytes or more cannot be written.
    #[error("a value is too long")]
    TooLong,
}

/// Data objects one after the other.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// From the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read yet.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next data object: its tag and its value.
    ///
    /// # Errors
    /// [`TlvError::CutOff`], [`TlvError::UnknownForm`].
    pub fn next_object(&mut self) -> Result<(Tag, &'a [u8]), TlvError> {
        let (tag, rest) = read_tag(self.rest)?;
        let (length, rest) = read_length(rest)?;
        let (value, rest) = rest.split_at_checked(length).ok_or(TlvError::CutOff)?;
        self.rest = rest;
        Ok((tag, value))
    }

    /// The value of the next data object, which has this tag.
    ///
    /// # Errors
    /// [`TlvError`].
    pub fn expect(&mut self, tag: u16) -> Result<&'a [u8], TlvError> {
        if self.rest.is_empty() {
            return Err(TlvError::Missing(Tag(tag)));
        }
        match self.next_object()? {
            (Tag(found), value) if found == tag => Ok(value),
            _ => Err(TlvError::Missing(Tag(tag))),
        }
    }

    /// The same with tag and length, as signatures cover it.
    ///
    /// # Errors
    /// [`TlvError`].
    pub fn expect_whole(&mut self, tag: u16) -> Result<(&'a [u8], &'a [u8]), TlvError> {
        let before = self.rest;
        let value = self.expect(tag)?;
        let whole = before.get(..before.len().saturating_sub(self.rest.len())).unwrap_or_default();
        Ok((whole, value))
    }

    /// Nothing follows.
    ///
    /// # Errors
    /// [`TlvError::Trailing`].
    pub fn end(&self) -> Result<(), TlvError> {
        if self.rest.is_empty() { Ok(()) } else { Err(TlvError::Trailing) }
    }

    /// Nothing but filler (`FF`) follows, as cards have it behind a value in a longer file.
    ///
    /// # Errors
    /// [`TlvError::Trailing`].
    pub fn end_or_filler(&self) -> Result<(), TlvError> {
        if self.rest.iter().all(|byte| *byte == 0xFF) { Ok(()) } else { Err(TlvError::Trailing) }
    }
}

/// A data object of these parts, one after the other.
///
/// # Errors
/// [`TlvError::TooLong`].
pub fn write(tag: u16, parts: &[&[u8]]) -> Result<Vec<u8>, TlvError> {
    let value = parts.concat();
    let [high, low] = u16::try_from(value.len()).map_err(|_| TlvError::TooLong)?.to_be_bytes();
    let tag = match tag.to_be_bytes() {
        [0, tag] => vec![tag],
        tag => tag.to_vec(),
    };
    let length = if high == 0 && low < 0x80 { vec![low] } else { vec![0x82, high, low] };
    Ok([tag, length, value].concat())
}

fn read_tag(bytes: &[u8]) -> Result<(Tag, &[u8]), TlvError> {
    let (first, rest) = bytes.split_first().ok_or(TlvError::CutOff)?;
    if first & 0x1F != 0x1F {
        return Ok((Tag(u16::from(*first)), rest));
    }
    let (second, rest) = rest.split_first().ok_or(TlvError::CutOff)?;
    if second & 0x80 != 0 {
        return Err(TlvError::UnknownForm);
    }
    Ok((Tag(u16::from_be_bytes([*first, *second])), rest))
}

fn read_length(bytes: &[u8]) -> Result<(usize, &[u8]), TlvError> {
    match *bytes {
        [length @ 0..=0x7F, ref rest @ ..] => Ok((usize::from(length), rest)),
        [0x81, length, ref rest @ ..] => Ok((usize::from(length), rest)),
        [0x82, high, low, ref rest @ ..] => Ok((usize::from(u16::from_be_bytes([high, low])), rest)),
        [] | [0x81 | 0x82, ..] => Err(TlvError::CutOff),
        _ => Err(TlvError::UnknownForm),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lengths_are_read_in_each_form_and_written_as_the_card_does() {
        for (header, length) in [
            ("DF2200", 0),
            ("DF227F", 127),
            ("DF228105", 5),
            ("DF2281FF", 255),
            ("DF22820080", 128),
            ("8601", 1),
        ] {
            let bytes = [hex::decode(header).unwrap(), vec![7; length]].concat();
            let mut reader = Reader::new(&bytes);
            assert_eq!(reader.next_object().unwrap().1.len(), length, "{header}");
            assert_eq!(reader.end(), Ok(()));
        }
        assert_eq!(write(0xDF22, &[&[7; 127]]).unwrap()[..3], [0xDF, 0x22, 0x7F]);
        assert_eq!(write(0xDF22, &[&[7; 100], &[7; 28]]).unwrap()[..5], [0xDF, 0x22, 0x82, 0, 128]);
        assert_eq!(write(0x86, &[&[7]]).unwrap(), [0x86, 1, 7]);
        assert_eq!(write(0x86, &[&[7; 65_536]]), Err(TlvError::TooLong));
    }

    #[test]
    fn what_is_cut_off_of_another_form_or_of_another_tag_is_refused() {
        for (text, error) in [
            ("", TlvError::Missing(Tag(0xDF22))),
            ("DF", TlvError::CutOff),
            ("DF22", TlvError::CutOff),
            ("DF2202AA", TlvError::CutOff),
            ("DF2281", TlvError::CutOff),
            ("DF228201", TlvError::CutOff),
            ("DF2280AA", TlvError::UnknownForm),
            ("DF2283000001AA", TlvError::UnknownForm),
            ("DFA22201AA", TlvError::UnknownForm),
            ("DF2301AA", TlvError::Missing(Tag(0xDF22))),
        ] {
            let bytes = hex::decode(text).unwrap();
            assert_eq!(Reader::new(&bytes).expect(0xDF22), Err(error), "{text}");
        }
        let mut reader = Reader::new(&[0x86, 0, 0xFF, 0xFF]);
        reader.expect(0x86).unwrap();
        assert_eq!((reader.end(), reader.end_or_filler()), (Err(TlvError::Trailing), Ok(())));
        assert_eq!(Reader::new(&[0xFF, 0xFE]).end_or_filler(), Err(TlvError::Trailing));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic_and_in_steps_that_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut reader = Reader::new(&bytes);
            let mut objects = 0;
            while reader.next_object().is_ok() {
                objects += 1;
            }
            prop_assert!(objects <= bytes.len() / 2);
        }

        #[test]
        fn what_is_written_is_read(value in proptest::collection::vec(any::<u8>(), 0..400)) {
            let bytes = write(0xDF22, &[&value]).unwrap();
            let mut reader = Reader::new(&bytes);
            let (whole, read) = reader.expect_whole(0xDF22).unwrap();
            prop_assert_eq!((whole, read), (bytes.as_slice(), value.as_slice()));
        }
    }
}
