//! An ECDSA value of fixed length (both numbers one after the other) as `Ecdsa-Sig-Value` in DER (RFC 3279 2.2.3). The
//! numbers stay what they are; nothing that was signed is encoded again.

/// The DER form; `None` unless both numbers have the length of P-256's or P-384's order.
pub(crate) fn der_of_fixed(fixed: &[u8]) -> Option<Vec<u8>> {
    if !matches!(fixed.len(), 64 | 96) {
        return None;
    }
    let (r, s) = fixed.split_at_checked(fixed.len() / 2)?;
    let content = [integer(r)?, integer(s)?].concat();
    // At most 2 × (2 + 49) bytes: the length has one byte.
    Some([&[0x30, u8::try_from(content.len()).ok()?], content.as_slice()].concat())
}

fn integer(number: &[u8]) -> Option<Vec<u8>> {
    let zeros = number.iter().take_while(|b| **b == 0).count().min(number.len().saturating_sub(1));
    let significant = number.get(zeros..)?;
    let sign: &[u8] = if significant.first()? & 0x80 == 0 { &[] } else { &[0] };
    let length = u8::try_from(sign.len() + significant.len()).ok()?;
    Some([&[0x02, length], sign, significant].concat())
}

#[cfg(test)]
mod tests {
    use super::der_of_fixed;

    #[test]
    fn numbers_are_written_without_leading_zeros_and_never_negative() {
        let mut fixed = [0_u8; 64];
        fixed[31] = 0x7F;
        fixed[32] = 0x80;
        let der = der_of_fixed(&fixed).unwrap();
        assert_eq!(der[..5], [0x30, 38, 0x02, 1, 0x7F]);
        assert_eq!(der[5..9], [0x02, 33, 0x00, 0x80]);
        assert_eq!(der_of_fixed(&[0; 64]).unwrap(), [0x30, 6, 2, 1, 0, 2, 1, 0]);
    }

    #[test]
    fn another_length_has_no_der_form() {
        for length in [0, 1, 63, 65, 72, 95, 97, 128] {
            assert_eq!(der_of_fixed(&vec![1; length]), None);
        }
    }
}
