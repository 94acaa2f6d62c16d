//! Writes XML 1.0 in UTF-8, indented, with every text and attribute escaped. A character that XML 1.0 (2.2) does not
//! allow becomes U+FFFD.

/// A document in the making.
pub(super) struct Writer {
    out: String,
    depth: usize,
}

pub(super) type Attributes<'v> = &'v [(&'static str, &'v str)];

impl Writer {
    pub(super) fn new() -> Self {
        Self { out: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 }
    }

    /// An element with elements.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: Attributes<'_>,
        content: impl FnOnce(&mut Self),
    ) {
        self.open(name, attributes);
        self.out.push_str(">\n");
        self.depth += 1;
        content(self);
        self.depth -= 1;
        self.indent();
        self.close(name);
    }

    /// An element with a text.
    pub(super) fn text(&mut self, name: &str, attributes: Attributes<'_>, text: &str) {
        self.open(name, attributes);
        self.out.push('>');
        self.escaped(text);
        self.close(name);
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, name: &str, attributes: Attributes<'_>) {
        self.open(name, attributes);
        self.out.push_str("/>\n");
    }

    pub(super) fn finish(self) -> String {
        self.out
    }

    fn open(&mut self, name: &str, attributes: Attributes<'_>) {
        self.indent();
        self.out.push('<');
        self.out.push_str(name);
        for (name, value) in attributes {
            self.out.push(' ');
            self.out.push_str(name);
            self.out.push_str("=\"");
            self.escaped(value);
            self.out.push('"');
        }
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push_str(">\n");
    }

    fn indent(&mut self) {
        self.out.extend(std::iter::repeat_n(' ', 2 * self.depth));
    }

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                // As they are, a reader would turn them into spaces or line breaks.
                '\t' => self.out.push_str("&#9;"),
                '\n' => self.out.push_str("&#10;"),
                '\r' => self.out.push_str("&#13;"),
                '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => self.out.push('\u{FFFD}'),
                other => self.out.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Writer;

    #[test]
    fn no_text_becomes_markup_and_no_forbidden_character_gets_in() {
        let mut xml = Writer::new();
        let hostile = "</a><b x='&\"'>\0\u{1}\r\n\t\u{FFFE}申";
        xml.text("a", &[("x", hostile)], hostile);
        let out = xml.finish();
        let escaped = "&lt;/a&gt;&lt;b x='&amp;&quot;'&gt;\u{FFFD}\u{FFFD}&#13;&#10;&#9;\u{FFFD}申";
        assert_eq!(out.lines().nth(1).unwrap(), format!("<a x=\"{escaped}\">{escaped}</a>"));
    }
}
