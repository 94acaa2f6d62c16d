//! PNG (ISO/IEC 15948) of one bit per pixel, grey scale, as on the card. Writes only.

use std::io::Write as _;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};

const SIGNATURE: [u8; 8] = [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A];

/// The picture of these rows of `width` pixels each; `true` is black.
pub(super) fn encode(width: usize, rows: &[&[bool]]) -> Vec<u8> {
    let size = |pixels: usize| u32::try_from(pixels).unwrap_or(0).to_be_bytes();
    // Bit depth 1, grey scale, deflate, the filters of the standard, not interlaced (11.2.2).
    let header = [&size(width)[..], &size(rows.len()), &[1, 0, 0, 0, 0]].concat();
    let mut lines = Vec::new();
    for row in rows {
        // Filter "none" (9.2).
        lines.push(0);
        lines.extend(row.chunks(8).map(|pixels| {
            let bit = |(at, ink): (u32, &bool)| if *ink { 0 } else { 0x80_u8 >> at };
            (0..).zip(pixels).map(bit).fold(0, |byte, bit| byte | bit)
        }));
    }
    let mut out = SIGNATURE.to_vec();
    chunk(&mut out, b"IHDR", &header);
    chunk(&mut out, b"IDAT", &compressed(&lines));
    chunk(&mut out, b"IEND", &[]);
    out
}

/// Writing to memory does not fail.
fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(data);
    out.extend(u32::try_from(data.len()).unwrap_or(0).to_be_bytes());
    out.extend(kind);
    out.extend(data);
    out.extend(crc.sum().to_be_bytes());
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Read as _;

    use super::*;

    /// Width and rows, padded to whole bytes. Checks every chunk's length and CRC.
    pub(in super::super) fn decode(png: &[u8]) -> (usize, Vec<Vec<bool>>) {
        let mut rest = png.strip_prefix(&SIGNATURE).expect("a PNG");
        let mut chunks = Vec::new();
        while !rest.is_empty() {
            let length = usize::try_from(u32::from_be_bytes(rest[..4].try_into().unwrap())).unwrap();
            let mut crc = Crc::new();
            crc.update(&rest[4..8 + length]);
            assert_eq!(rest[8 + length..12 + length], crc.sum().to_be_bytes());
            chunks.push((rest[4..8].to_vec(), rest[8..8 + length].to_vec()));
            rest = &rest[12 + length..];
        }
        let kinds: Vec<&[u8]> = chunks.iter().map(|(kind, _)| kind.as_slice()).collect();
        assert_eq!(kinds, [&b"IHDR"[..], b"IDAT", b"IEND"]);
        let header = &chunks[0].1;
        assert_eq!(header[8..], [1, 0, 0, 0, 0]);
        let [width, height] =
            [0, 4].map(|at| u32::from_be_bytes(header[at..at + 4].try_into().unwrap()) as usize);
        let mut lines = Vec::new();
        flate2::read::ZlibDecoder::new(&chunks[1].1[..]).read_to_end(&mut lines).unwrap();
        let stride = 1 + width.div_ceil(8);
        assert_eq!(lines.len(), stride * height);
        let pixels =
            |line: &[u8]| line[1..].iter().flat_map(|b| (0..8).map(move |n| b & (0x80 >> n) == 0)).collect();
        (width, lines.chunks(stride).map(pixels).collect())
    }

    #[test]
    fn pixels_come_out_as_they_went_in() {
        let rows = [[true, false, true, true, false, false, false, true, true], [false; 9]];
        let (width, read) = decode(&encode(9, &[&rows[0], &rows[1]]));
        assert_eq!((width, &read[0][..9], &read[1][..9]), (9, &rows[0][..], &rows[1][..]));
    }
}
