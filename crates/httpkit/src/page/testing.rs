//! For tests of every crate with pages: do the locale files and the templates agree?

use std::path::Path;

use super::Texts;

/// What is wrong between `texts` and the files under `folder` that ask for them: keys that only one language
/// has, placeholders that differ, keys asked for as `{prefix}.get("…")` or `{prefix}.with("…"` that have no text. Empty when all
/// is well. Only `.html` and `.rs` files are read; keys that are built at run time are not seen.
///
/// # Panics
/// If `folder` cannot be read: a test must not pass by looking nowhere.
#[must_use]
#[allow(clippy::expect_used, reason = "for tests only")]
pub fn locale_faults(texts: &Texts, prefix: &str, folder: &Path) -> Vec<String> {
    let mut faults: Vec<String> =
        texts.lonely_keys().into_iter().map(|key| format!("only one language has `{key}`")).collect();
    for key in texts.keys() {
        let (ja, en) = texts.placeholders(key);
        if ja != en {
            faults.push(format!("`{key}` has other placeholders in the other language"));
        }
    }
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("the folder is there").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "html" || e == "rs") {
                let file = std::fs::read_to_string(&path).expect("a text file");
                let asked = asked_keys(&file, prefix).into_iter().filter(|key| !texts.has(key));
                faults.extend(asked.map(|key| missing(&path, key)));
            }
        }
    }
    faults
}

fn missing(path: &Path, key: &str) -> String {
    format!("{} asks for `{key}`, which has no text", path.display())
}

fn asked_keys<'a>(file: &'a str, prefix: &str) -> Vec<&'a str> {
    [format!("{prefix}.get(\""), format!("{prefix}.with(\"")]
        .iter()
        .flat_map(|call| {
            file.split(call.as_str()).skip(1).filter_map(|rest| rest.split_once('"').map(|(key, _)| key))
        })
        .collect()
}
