//! The file of the 12-digit My Number (個人番号, EF 0001 of 券面事項入力補助AP), **written only**: middleware expects it on a card,
//! so virtual cards carry one. Nothing here reads it.
//!
//! A number of a simulated nation comes from a seed and belongs to nobody there. It has a correct check digit, since
//! middleware checks it, so it may be the number of a living person by chance: it is a secret like any other, stays on
//! the virtual card, and is printed nowhere.

use musubi_kernel::Secret;

use super::{RecordError, check_digits};
use crate::tlv::write;

/// Bytes of the file. Its digest covers all of them.
pub const FILE_LENGTH: usize = 17;

/// The twelve digits that eleven digits make with their check digit (検査用数字, 平成26年総務省令85号 5条; facts §4.5).
///
/// # Errors
/// [`RecordError::Value`] if these are not eleven digits.
pub fn with_check_digit(eleven: &Secret<String>) -> Result<Secret<String>, RecordError> {
    let digits = eleven.expose().as_bytes();
    check_digits(digits, 11, "number")?;
    // P_n from the right; Q_n is n + 1 for the first six of them, then n - 5.
    let weights = (2..=7).chain(2..=6);
    let sum: u32 =
        digits.iter().rev().zip(weights).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
    let check = match sum % 11 {
        0 | 1 => 0,
        rest => 11 - rest,
    };
    Ok(Secret::new(format!("{}{check}", eleven.expose())))
}

/// EF 0001: `FF10`, the digits, filler.
///
/// # Errors
/// [`RecordError::Value`] if these are not twelve digits of which the last is the check digit.
pub fn number_file(number: &Secret<String>) -> Result<Vec<u8>, RecordError> {
    let eleven = number.expose().get(..11).ok_or(RecordError::Value("number"))?;
    if with_check_digit(&Secret::new(eleven.to_owned()))?.expose() != number.expose() {
        return Err(RecordError::Value("number"));
    }
    let mut file = write(0xFF10, &[number.expose().as_bytes()])?;
    file.resize(FILE_LENGTH, 0xFF);
    Ok(file)
}
