//! What a text may not hide from the person who reads it.

/// Whether a character could make a reader see something else than what is there: controls (the line feed too),
/// invisible characters (soft hyphens, blank letters, tags and annotations too), and those that break a line or turn its
/// direction (Unicode TR 36, 2.5).
///
/// Variation selectors and the joiners U+200C and U+200D are none: names need them.
#[must_use]
pub fn deceives(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{00AD}'
                | '\u{034F}'
                | '\u{061C}'
                | '\u{115F}'
                | '\u{1160}'
                | '\u{180E}'
                | '\u{200B}'
                | '\u{200E}'
                | '\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{3164}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF9}'..='\u{FFFB}'
                | '\u{E0000}'..='\u{E007F}'
        )
}

/// The text with what [`deceives`] written as its code point, `\u{…}`.
#[must_use]
pub fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if deceives(c) {
            out.push_str(&format!("\\u{{{:X}}}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unseen_or_turns_the_line_deceives_and_what_names_need_does_not() {
        for c in [
            '\0', '\n', '\r', '\t', '\u{7F}', '\u{85}', '\u{061C}', '\u{200B}', '\u{200E}', '\u{200F}',
            '\u{2028}', '\u{2029}', '\u{202A}', '\u{202E}', '\u{2060}', '\u{2066}', '\u{2069}', '\u{206F}',
            '\u{FEFF}', '\u{00AD}', '\u{034F}', '\u{115F}', '\u{1160}', '\u{180E}', '\u{3164}', '\u{FFA0}',
            '\u{FFF9}', '\u{FFFB}',
        ] {
            assert!(deceives(c), "{c:?}");
        }
        assert!("\u{E0001}\u{E0041}\u{E007F}".chars().all(deceives), "tags");
        for c in ['a', ' ', '\u{3000}', '結', '９', '\u{200C}', '\u{200D}', '\u{FE00}', '\u{E0100}', '𠮷']
        {
            assert!(!deceives(c), "{c:?}");
        }
    }

    #[test]
    fn what_deceives_is_shown_as_its_code_point() {
        assert_eq!(shown("結\u{202E}び\n"), "結\\u{202E}び\\u{A}");
    }
}
