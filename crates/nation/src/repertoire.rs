//! Which characters a certificate can carry, and what stands in for the others (代替文字).
//!
//! The repertoire is JIS X 0208 (levels 1 and 2) with JIS X 0212 (補助漢字), ASCII and the full-width forms;
//! `repertoire.bin` is its bitmap over U+0000 to U+FFFF, taken from the EUC-JP tables of Python's `euc_jp`
//! codec. The facts (§1.5) know the repertoire only from a secondary source, and do not say how a substitute
//! is chosen: that a look-alike is taken where one is usual, and `〓` otherwise, is our own design.

const REPERTOIRE: &[u8; 8192] = include_bytes!("repertoire.bin");
const GETA: char = '〓';

/// Usual stand-ins for characters outside the repertoire.
const LOOK_ALIKES: [(char, char); 5] = [('髙', '高'), ('﨑', '崎'), ('德', '徳'), ('濵', '浜'), ('栁', '柳')];

/// Whether a certificate can carry `c`.
pub(crate) fn contains(c: char) -> bool {
    let code = u32::from(c);
    usize::try_from(code / 8)
        .ok()
        .and_then(|at| REPERTOIRE.get(at))
        .is_some_and(|byte| byte & (1 << (code % 8)) != 0)
}

/// The text as a certificate carries it, and where substitutes stand, one entry per character.
pub(crate) fn certified(text: &str) -> (String, Vec<bool>) {
    text.chars()
        .map(|c| {
            if contains(c) {
                return (c, false);
            }
            let usual = LOOK_ALIKES.iter().find(|(from, _)| *from == c).map(|(_, to)| *to);
            (usual.unwrap_or(GETA), true)
        })
        .unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_outside_the_repertoire_are_replaced_and_marked() {
        assert_eq!(
            certified("𠮷野　家子"),
            ("〓野　家子".to_owned(), vec![true, false, false, false, false])
        );
        assert_eq!(certified("髙﨑").0, "高崎");
        assert_eq!(certified("髙﨑").1, [true, true]);
        for kept in ["東京都清瀬市松山１－２－３", "ガルシア（通称）", "MARIA", "〓", "丼"]
        {
            let (text, mask) = certified(kept);
            assert!(text == kept && mask.iter().all(|m| !m), "{kept}");
        }
        for lost in ['😀', '\u{7}', 'é'] {
            assert_eq!(contains(lost), lost == 'é', "{lost}: JIS X 0212 has é");
        }
        assert!(LOOK_ALIKES.iter().all(|(_, to)| contains(*to)));
    }
}
