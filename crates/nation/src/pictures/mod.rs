//! Pictures on a virtual card's face (facts §4.6): 氏名, 住所, 個人番号 and セキュリティコード as PNG of one bit per pixel, in the widths of a test
//! card, and a grey portrait. Holds no photograph of anybody.
//!
//! Our own limits: characters outside JIS X 0208 are drawn as `〓`, and text that is too long goes on in further lines; on real
//! cards the picture has the very character.

mod font;
mod jp2;
mod png;

use font::{HEIGHT, Line};

pub(crate) use jp2::grey_portrait;

/// Width of 氏名 on a test card, in pixels.
const NAME_WIDTH: usize = 216;
/// Of 住所.
const ADDRESS_WIDTH: usize = 288;
/// Of 個人番号: twelve narrow digits.
const NUMBER_WIDTH: usize = 72;
/// Of セキュリティコード: four narrow digits.
const CODE_WIDTH: usize = 24;
/// More lines are left out: an address of a resident has no more.
const MAX_LINES: usize = 8;

/// 氏名.
pub(crate) fn name(text: &str) -> Vec<u8> {
    lines(text, NAME_WIDTH)
}

/// 住所.
pub(crate) fn address(text: &str) -> Vec<u8> {
    lines(text, ADDRESS_WIDTH)
}

/// 個人番号 of a virtual card.
pub(crate) fn number(digits: &str) -> Vec<u8> {
    lines(digits, NUMBER_WIDTH)
}

/// セキュリティコード.
pub(crate) fn security_code(digits: &str) -> Vec<u8> {
    lines(digits, CODE_WIDTH)
}

/// Text in black on white, in as many lines as it takes.
fn lines(text: &str, width: usize) -> Vec<u8> {
    let mut lines = vec![Line::new(width)];
    for character in text.chars() {
        let glyph = font::glyph(character);
        if lines.last_mut().is_some_and(|line| line.push(glyph)) {
            continue;
        }
        if lines.len() == MAX_LINES {
            break;
        }
        let mut line = Line::new(width);
        line.push(glyph);
        lines.push(line);
    }
    let rows: Vec<&[bool]> = lines.iter().flat_map(|line| (0..HEIGHT).map(|row| line.row(row))).collect();
    png::encode(width, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture as text, `#` for ink.
    fn drawn(png: &[u8]) -> Vec<String> {
        let (width, rows) = png::tests::decode(png);
        rows.iter().map(|row| row[..width].iter().map(|ink| if *ink { '#' } else { '.' }).collect()).collect()
    }

    #[test]
    fn a_number_is_readable() {
        let picture = drawn(&security_code("12"));
        assert_eq!(
            picture,
            [
                "........................",
                "..#....###..............",
                "###...#...#.............",
                "..#...#...#.............",
                "..#.......#.............",
                "..#......#..............",
                "..#.....#...............",
                "..#....#................",
                "..#...#.................",
                "..#...#####.............",
                "........................",
                "........................",
            ]
        );
    }

    #[test]
    fn pictures_have_the_widths_of_a_test_card_and_grow_in_lines() {
        for (picture, width, height) in [
            (name("結城　花"), 216, 12),
            (address("東京都千代田区１－２－３"), 288, 12),
            (address(&"字".repeat(25)), 288, 24),
            (address(&"字".repeat(1000)), 288, 96),
            (number("537686677188"), 72, 12),
            (name(""), 216, 12),
        ] {
            let rows = drawn(&picture);
            assert_eq!((rows[0].len(), rows.len()), (width, height));
        }
    }

    #[test]
    fn a_character_without_a_glyph_is_drawn_as_the_sign_of_one() {
        assert_eq!(name("𠮷"), name("〓"));
        assert_ne!(name("吉"), name("〓"));
    }
}
