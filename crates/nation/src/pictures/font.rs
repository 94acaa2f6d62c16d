//! Glyphs of 12 dots ([the font](../../fonts/NOTICE.md)): narrow ones for ASCII, wide ones for JIS X 0208.

const FONT: &[u8] = include_bytes!("../../fonts/shinonome12.bin");
/// Pixels of every glyph from top to bottom.
pub(super) const HEIGHT: usize = 12;
const NARROW: usize = 6;
const WIDE: usize = 12;
/// Narrow glyphs: U+0020 to U+007E, bytes of each.
const NARROW_COUNT: usize = 95;
const NARROW_BYTES: usize = NARROW * HEIGHT / 8;
/// Wide glyphs: a code of 16 bits before each.
const WIDE_BYTES: usize = 2 + WIDE * HEIGHT / 8;
const GETA: char = '〓';

/// Pixels row by row, the first in the highest bit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Glyph {
    width: usize,
    bits: &'static [u8],
}

impl Glyph {
    fn has_ink(self, x: usize, y: usize) -> bool {
        let at = y * self.width + x;
        self.bits.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
    }
}

/// The glyph of a character, or the sign of one that is missing.
pub(super) fn glyph(character: char) -> Glyph {
    find(character).or_else(|| find(GETA)).unwrap_or(Glyph { width: WIDE, bits: &[] })
}

fn find(character: char) -> Option<Glyph> {
    let (narrow, wide) = FONT.split_at_checked(NARROW_COUNT * NARROW_BYTES)?;
    let code = u16::try_from(u32::from(character)).ok()?;
    if let Some(place) = code.checked_sub(0x20).map(usize::from).filter(|place| *place < NARROW_COUNT) {
        let bits = narrow.get(place * NARROW_BYTES..(place + 1) * NARROW_BYTES)?;
        return Some(Glyph { width: NARROW, bits });
    }
    let (glyphs, _) = wide.as_chunks::<WIDE_BYTES>();
    let of = |glyph: &[u8; WIDE_BYTES]| u16::from_be_bytes([glyph[0], glyph[1]]);
    let place = glyphs.binary_search_by_key(&code, of).ok()?;
    Some(Glyph { width: WIDE, bits: glyphs.get(place)?.get(2..)? })
}

/// A line of glyphs, one after the other.
#[derive(Debug)]
pub(super) struct Line {
    width: usize,
    used: usize,
    /// `true` is ink.
    pixels: Vec<bool>,
}

impl Line {
    /// An empty line of so many pixels.
    pub(super) fn new(width: usize) -> Self {
        Self { width, used: 0, pixels: vec![false; width * HEIGHT] }
    }

    /// Draws a glyph behind the others; `false` if there is no room for it.
    pub(super) fn push(&mut self, glyph: Glyph) -> bool {
        if self.used + glyph.width > self.width {
            return false;
        }
        for (y, row) in self.pixels.chunks_exact_mut(self.width).enumerate() {
            for (x, pixel) in row.iter_mut().skip(self.used).take(glyph.width).enumerate() {
                *pixel = glyph.has_ink(x, y);
            }
        }
        self.used += glyph.width;
        true
    }

    /// A row of pixels from the top.
    pub(super) fn row(&self, y: usize) -> &[bool] {
        self.pixels.get(y * self.width..(y + 1) * self.width).unwrap_or_default()
    }
}
