//! Dates of a PDF (ISO 32000-2 7.9.4): `D:YYYYMMDDHHmmSSOHH'mm'`.

use musubi_kernel::UnixTime;

use super::objects::Text;

/// The instant; `None` if it is none, or is not said to the second and with its offset from UTC.
pub(super) fn parse(text: Text<'_>) -> Option<UnixTime> {
    let bytes = text.decoded();
    let rest = bytes.strip_prefix(b"D:")?;
    let number = |from: usize, to: usize| {
        let digits = rest.get(from..to).filter(|digits| digits.iter().all(u8::is_ascii_digit))?;
        core::str::from_utf8(digits).ok()?.parse::<u16>().ok()
    };
    let small = |from: usize, to: usize| number(from, to).and_then(|n| u8::try_from(n).ok());
    let local = UnixTime::from_utc(
        i32::from(number(0, 4)?),
        small(4, 6)?,
        small(6, 8)?,
        small(8, 10)?,
        small(10, 12)?,
        small(12, 14)?,
    );
    let offset = match rest.get(14)? {
        b'Z' => 0,
        sign @ (b'+' | b'-') => {
            let minutes = if rest.get(17) == Some(&b'\'') { number(18, 20).unwrap_or(0) } else { 0 };
            let seconds = i64::from(number(15, 17)?) * 3600 + i64::from(minutes) * 60;
            if *sign == b'+' { -seconds } else { seconds }
        }
        _ => return None,
    };
    local.ok().map(|local| local.plus(offset))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(raw: &str) -> Option<String> {
        parse(Text { raw: raw.as_bytes(), at: 0 }).map(UnixTime::rfc3339)
    }

    #[test]
    fn a_date_is_read_with_its_offset() {
        let noon = Some("2026-12-01T03:00:00Z".to_owned());
        for raw in [
            "(D:20261201120000+09'00')",
            "(D:20261201120000+09'00)",
            "(D:20261201030000Z)",
            "(D:20261130220000-05'00')",
        ] {
            assert_eq!(at(raw), noon, "{raw}");
        }
        assert_eq!(at("(D:20261201083000+05'30')"), noon);
    }

    #[test]
    fn what_is_no_instant_is_none() {
        for raw in [
            "()",
            "(D:)",
            "(D:20261201)",
            "(20261201120000Z)",
            "(D:20261301120000Z)",
            "(D:20261201120000)",
            "(D:2026120112000aZ)",
        ] {
            assert_eq!(at(raw), None, "{raw}");
        }
    }
}
