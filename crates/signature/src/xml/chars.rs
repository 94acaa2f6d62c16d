//! Characters and names of XML 1.0 (fifth edition: 2.2 `Char`, 2.3 `Name`) and of Namespaces in XML 1.0 (4 `NCName`).
//! The event reader underneath checks none of them.

/// XML white space (2.3 `S`).
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Whether two texts are equal. An empty one is not compared: it may point nowhere, and a vectorised comparison of
/// nothing at an address that cannot be read takes the processor longer than all the rest (measured: a third of the
/// time of reading a document).
pub(super) fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && (a.is_empty() || a == b)
}

/// Whether all of `text` is white space.
pub(super) fn is_blank(text: &str) -> bool {
    text.bytes().all(is_space)
}

/// `Char` (2.2).
pub(super) fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{1_0000}'..)
}

/// Whether `text` has a character that no XML document may have. Surrogates cannot be in it.
pub(super) fn has_forbidden(text: &str) -> bool {
    let control = |b: &u8| *b < 0x20 && !is_space(*b);
    // Without an early exit the compiler makes one pass over many bytes at a time.
    text.as_bytes().iter().fold(false, |found, b| found | control(b))
        || text.contains('\u{FFFE}')
        || text.contains('\u{FFFF}')
}

/// `NCName`: a name without a colon.
pub(super) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(starts_name) && chars.all(continues_name)
}

fn starts_name(c: char) -> bool {
    matches!(c,
        'a'..='z' | 'A'..='Z' | '_'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}' | '\u{1_0000}'..='\u{E_FFFF}')
}

fn continues_name(c: char) -> bool {
    starts_name(c)
        || matches!(c, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}
