//! Data objects of the card's files (ISO 7816-4 5.2.2): tags of one or two bytes, lengths of up to three. Files are longer
//! than their object: filler follows.

use super::{Attributes, CardError};

/// One data object.
pub(super) struct Object<'a> {
    tag: u16,
    value: &'a [u8],
    /// Tag, length and value together, in bytes.
    whole: usize,
}

/// The data object at the beginning of `bytes`; what follows is not looked at.
fn object(bytes: &[u8]) -> Option<Object<'_>> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut tag = u16::from(first);
    if first & 0x1F == 0x1F {
        let (&second, after) = rest.split_first()?;
        // A third byte would follow: no object of the card has one.
        if second & 0x80 != 0 {
            return None;
        }
        (tag, rest) = (u16::from_be_bytes([first, second]), after);
    }
    let (length, rest) = match *rest {
        [length @ 0..=0x7F, ref rest @ ..] => (usize::from(length), rest),
        [0x81, length, ref rest @ ..] => (usize::from(length), rest),
        [0x82, high, low, ref rest @ ..] => (usize::from(u16::from_be_bytes([high, low])), rest),
        _ => return None,
    };
    let value = rest.get(..length)?;
    Some(Object { tag, value, whole: bytes.len() - rest.len() + length })
}

/// The file without its filler, if it begins with an object of this tag.
pub(super) fn without_filler(file: &[u8], tag: u16) -> Option<&[u8]> {
    let object = object(file).filter(|object| object.tag == tag)?;
    file.get(..object.whole)
}

/// EF 0002 of 券面事項入力補助AP (facts §4.5).
pub(super) fn attributes(file: &[u8]) -> Result<Attributes, CardError> {
    let malformed = || CardError::Malformed("attributes");
    let mut rest = object(file).filter(|outer| outer.tag == 0xFF20).ok_or_else(malformed)?.value;
    let mut values: [Option<&str>; 4] = [None; 4];
    while !rest.is_empty() {
        let next = object(rest).ok_or_else(malformed)?;
        rest = rest.get(next.whole..).unwrap_or_default();
        // DF21 are offsets of the others, which stand in order anyway.
        let place = match next.tag {
            0xDF22..=0xDF25 => values.get_mut(usize::from(next.tag - 0xDF22)),
            _ => continue,
        };
        let text = std::str::from_utf8(next.value).map_err(|_| malformed())?;
        if let Some(place) = place
            && place.replace(text).is_some()
        {
            return Err(malformed());
        }
    }
    let [Some(name), Some(address), Some(born), Some(sex)] = values else { return Err(malformed()) };
    let digit = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match (sex.as_bytes(), born.len()) {
        ([sex @ b'0'..=b'9'], 8) if digit(born) => Ok(Attributes {
            name: name.to_owned(),
            address: address.to_owned(),
            date_of_birth: born.to_owned(),
            sex: sex - b'0',
        }),
        _ => Err(malformed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test card of facts §4.5, its address shortened to what is known.
    fn file() -> Vec<u8> {
        let mut inside = hex::decode("DF2108000E002000590064DF220FE9BB92E6A190E38080E5B9B9E4B99F").unwrap();
        inside.extend(hex::decode("DF2306E69DB1E4BAAC").unwrap());
        inside.extend(hex::decode("DF24083139383030323137DF250131").unwrap());
        let mut file = vec![0xFF, 0x20, u8::try_from(inside.len()).unwrap()];
        file.extend(inside);
        file.extend([0xFF, 0xFF]);
        file
    }

    #[test]
    fn the_four_attributes_are_read_as_they_stand_there() {
        let read = attributes(&file()).unwrap();
        assert_eq!((read.name.as_str(), read.address.as_str()), ("黒桐　幹也", "東京"));
        assert_eq!((read.date_of_birth.as_str(), read.sex), ("19800217", 1));
    }

    #[test]
    fn a_file_that_ends_early_lacks_one_or_has_one_twice_is_malformed() {
        let whole = file();
        for len in 0..whole.len() - 2 {
            assert!(attributes(&whole[..len]).is_err(), "{len}");
        }
        let mut twice = whole.clone();
        let name = twice.windows(2).position(|w| w == [0xDF, 0x23]).unwrap();
        twice[name + 1] = 0x22;
        assert!(attributes(&twice).is_err());
        let mut letters = whole;
        let born = letters.windows(2).position(|w| w == [0xDF, 0x24]).unwrap();
        letters[born + 3] = b'x';
        assert!(attributes(&letters).is_err());
    }

    #[test]
    fn filler_behind_the_object_is_left_out() {
        let record = [0xFF, 0x50, 0x82, 0x00, 0x01, 0xAA, 0xFF, 0xFF];
        assert_eq!(without_filler(&record, 0xFF50), Some(&record[..6]));
        assert_eq!(without_filler(&record, 0x7F21), None);
        assert_eq!(without_filler(&record[..5], 0xFF50), None);
    }
}
