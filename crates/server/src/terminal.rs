//! What goes to a terminal: in which language, and with nothing in it that steers the terminal or deceives its reader.

use std::fmt::Write as _;
use std::path::Path;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use musubi_httpkit::page::Lang;
use musubi_kernel::deceives;
pub(crate) use musubi_kernel::shown;

/// What `--language` takes.
pub(crate) fn languages() -> impl clap::builder::TypedValueParser<Value = Lang> {
    PossibleValuesParser::new([Lang::Ja, Lang::En].map(Lang::code))
        .map(|code| Lang::from_code(&code).unwrap_or(Lang::Ja))
}

/// A file's name; what is not Unicode in it becomes U+FFFD.
pub(crate) fn shown_path(path: &Path) -> String {
    shown(&path.display().to_string())
}

/// One line of JSON of the same value, with what could deceive the reader of a terminal written as `\uXXXX`. Such
/// characters stand only within its texts.
pub(crate) fn shown_json(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.chars() {
        if deceives(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Columns of a terminal: two for the wide characters of Japanese, one for others.
pub(crate) fn width(text: &str) -> usize {
    let is_wide = |c| {
        matches!(c, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF60}' | '\u{FFE0}'..='\u{FFE6}'
        | '\u{20000}'..='\u{3FFFD}')
    };
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::{shown, shown_json, width};

    #[test]
    fn nothing_steers_the_terminal_and_json_keeps_its_value() {
        let hostile = "a\u{1B}[31m\u{9B}1m\u{202E}fdp.\u{2066}\n契約";
        let escaped = shown(hostile);
        assert_eq!(escaped, "a\\u{1B}[31m\\u{9B}1m\\u{202E}fdp.\\u{2066}\\u{A}契約");
        let value = serde_json::json!({ "file": hostile });
        let line = shown_json(&value.to_string());
        assert!(!line.chars().any(musubi_kernel::deceives), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap(), value);
    }

    #[test]
    fn japanese_takes_two_columns() {
        assert_eq!((width("署名者"), width("signer"), width("（a）")), (6, 6, 5));
    }
}
