//! A grey portrait as JPEG 2000 (ISO/IEC 15444-1) in the size of a test card's photograph: nobody is shown. Every coefficient of
//! such a picture is zero, so that its one packet is empty and nothing needs to be coded.

const WIDTH: u32 = 378;
const HEIGHT: u32 = 472;

/// The picture: a JP2 file of some 170 bytes.
pub(crate) fn grey_portrait() -> Vec<u8> {
    let header = [
        // Height, width, one component of eight bits, JPEG 2000, colours known, no rights (I.5.3.1).
        boxed(b"ihdr", &[&HEIGHT.to_be_bytes()[..], &WIDTH.to_be_bytes(), &[0, 1, 7, 7, 0, 0]].concat()),
        // Enumerated colour space 17: grey scale (I.5.3.3).
        boxed(b"colr", &[1, 0, 0, 0, 0, 0, 17]),
    ];
    [
        boxed(b"jP  ", &[0x0D, 0x0A, 0x87, 0x0A]),
        boxed(b"ftyp", b"jp2 \0\0\0\0jp2 "),
        boxed(b"jp2h", &header.concat()),
        boxed(b"jp2c", &codestream()),
    ]
    .concat()
}

fn codestream() -> Vec<u8> {
    let (width, height) = (WIDTH.to_be_bytes(), HEIGHT.to_be_bytes());
    let none = [0; 4];
    // Size, offset, size of the only tile and its offset, one component of eight bits, not subsampled (A.5.1).
    let size = [&[0, 0][..], &width, &height, &none, &none, &width, &height, &none, &none, &[0, 1, 7, 1, 1]];
    // One layer, no decomposition, code-blocks of 64 x 64, reversible transformation (A.6.1).
    let coding = [0, 0, 0, 1, 0, 0, 4, 4, 0, 1];
    // No quantization, two guard bits; an exponent of 8 for the only sub-band (A.6.4).
    let quantization = [0x40, 8 << 3];
    // One packet, whose first bit says that it is empty (B.10.3).
    let packet = [0];
    // Tile 0 with marker segment, start of data and packet; its only part (A.4.2).
    let tile_length = 12 + 2 + 1_u32;
    let tile = [&[0, 0][..], &tile_length.to_be_bytes(), &[0, 1]].concat();
    [
        &[0xFF, 0x4F][..],
        &segment(0x51, &size.concat()),
        &segment(0x52, &coding),
        &segment(0x5C, &quantization),
        &segment(0x90, &tile),
        &[0xFF, 0x93],
        &packet,
        &[0xFF, 0xD9],
    ]
    .concat()
}

/// A box: length, type, content (I.4).
fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len() + 8).unwrap_or(0);
    [&length.to_be_bytes()[..], kind, content].concat()
}

/// A marker segment: marker, length with itself, parameters (A.1.3).
fn segment(marker: u8, parameters: &[u8]) -> Vec<u8> {
    let length = u16::try_from(parameters.len() + 2).unwrap_or(0);
    [&[0xFF, marker][..], &length.to_be_bytes(), parameters].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_segments_end_where_their_lengths_say() {
        let portrait = grey_portrait();
        let mut rest = portrait.as_slice();
        let mut kinds = Vec::new();
        let mut stream: &[u8] = &[];
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            kinds.push(String::from_utf8_lossy(&rest[4..8]).into_owned());
            stream = &rest[8..length];
            rest = &rest[length..];
        }
        assert_eq!(kinds, ["jP  ", "ftyp", "jp2h", "jp2c"]);

        let mut markers = vec![stream[1]];
        let mut at = 2;
        while stream[at + 1] != 0x93 {
            markers.push(stream[at + 1]);
            at += 2 + usize::from(u16::from_be_bytes([stream[at + 2], stream[at + 3]]));
        }
        assert_eq!(markers, [0x4F, 0x51, 0x52, 0x5C, 0x90]);
        assert_eq!(stream[at..], [0xFF, 0x93, 0, 0xFF, 0xD9]);
        let tile_begins = at - 12;
        assert_eq!(stream.len() - 2 - tile_begins, 15, "the tile-part is as long as it says");
    }
}
