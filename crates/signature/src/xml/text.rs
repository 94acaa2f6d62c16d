//! Values that stand in elements as text: base64 (XML Schema 2, 3.2.16) and decimal numbers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::chars::is_space;

/// base64 with white space anywhere, padded, without bits left over.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = text.bytes().filter(|b| !is_space(*b)).collect();
    if bytes.is_empty() { None } else { STANDARD.decode(bytes).ok() }
}

/// A decimal number as unsigned big-endian bytes without leading zeros, at most 20 (RFC 5280 4.1.2.2).
pub(super) fn serial(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_matches([' ', '\t', '\n', '\r']);
    if !(1..=49).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut number: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in number.iter_mut().rev() {
            carry += u32::from(*byte) * 10;
            *byte = (carry & 0xFF) as u8;
            carry >>= 8;
        }
        if carry > 0 {
            number.insert(0, carry as u8);
        }
    }
    (number.len() <= 20).then_some(number)
}
