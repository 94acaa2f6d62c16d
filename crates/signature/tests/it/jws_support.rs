//! What the tests of JWS and of JAdES share: fixture files, and what a changed header breaks.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use musubi_signature::Found;
use musubi_signature::jws::find;

use crate::raw_support::{broken, fixture, holds};

/// A fixture file.
pub(crate) fn jws(name: &str) -> Vec<u8> {
    fixture(&format!("jws/{name}"))
}

/// A fixture file as text.
pub(crate) fn text(name: &str) -> String {
    String::from_utf8(jws(name)).unwrap()
}

/// The one signature of a file.
pub(crate) fn only<'a>(file: &'a [u8], detached: Option<&'a [u8]>) -> Found<'a> {
    let mut found = find(file, detached).unwrap();
    assert_eq!(found.len(), 1);
    found.remove(0)
}

/// The protected header of a compact JWS or of a flattened one with this text in place of another.
pub(crate) fn with_header(name: &str, old: &str, new: &str) -> Vec<u8> {
    let file = text(name);
    let protected = if name.ends_with(".jws") {
        file.split('.').next().unwrap().to_owned()
    } else {
        let json: serde_json::Value = serde_json::from_str(&file).unwrap();
        json["protected"].as_str().unwrap().to_owned()
    };
    let header = String::from_utf8(URL_SAFE_NO_PAD.decode(&protected).unwrap()).unwrap();
    assert!(header.contains(old), "{header}");
    file.replace(&protected, &URL_SAFE_NO_PAD.encode(header.replacen(old, new, 1))).into_bytes()
}

/// The ids of the rules that a changed header breaks.
pub(crate) fn broken_by(name: &str, old: &str, new: &str) -> Vec<String> {
    let file = with_header(name, old, new);
    let content = jws("detached.txt");
    let found = find(&file, name.contains("detached").then_some(content.as_slice())).unwrap();
    assert!(!holds(&found[0]), "{new}");
    broken(&found[0]).into_iter().map(str::to_owned).collect()
}
