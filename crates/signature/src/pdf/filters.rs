//! What stands in streams (ISO 32000-2 7.4): uncompressed, or `FlateDecode` with PNG predictors.
//!
//! Refused: every other filter (nothing that is judged needs one), chains of filters, TIFF predictors, external
//! streams, and data that come out longer than the limit.

use std::borrow::Cow;
use std::io::Read;

use super::lexer::{Result, malformed};
use super::objects::{Dict, Object};
use crate::NotASignature;

/// The decoded data of a stream, at most `limit` bytes.
pub(super) fn decode<'a>(dict: &Dict<'_>, data: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>> {
    if dict.get(b"F").is_some() {
        return malformed("a PDF stream in another file");
    }
    let filter = match dict.get(b"Filter") {
        None => return Ok(Cow::Borrowed(data)),
        Some(Object::Array(filters)) => match filters.as_slice() {
            [] => return Ok(Cow::Borrowed(data)),
            [one] => one.as_name(),
            _ => None,
        },
        Some(other) => other.as_name(),
    };
    if filter != Some(b"FlateDecode") {
        return malformed("the filter of a PDF stream");
    }
    let inflated = inflate(data, limit)?;
    let parameters = match dict.get(b"DecodeParms") {
        None => None,
        Some(Object::Array(list)) => match list.as_slice() {
            [] => None,
            [one] => Some(one),
            _ => return malformed("the filter parameters of a PDF stream"),
        },
        Some(other) => Some(other),
    };
    match parameters {
        None | Some(Object::Null) => Ok(Cow::Owned(inflated)),
        Some(Object::Dict(parameters)) => unpredict(parameters, inflated).map(Cow::Owned),
        Some(_) => malformed("the filter parameters of a PDF stream"),
    }
}

fn inflate(data: &[u8], limit: usize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let more = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    if flate2::read::ZlibDecoder::new(data).take(more).read_to_end(&mut out).is_err() {
        return malformed("the compressed data of a PDF stream");
    }
    if out.len() > limit {
        return Err(NotASignature::TooMuch { what: "bytes in a compressed PDF stream", limit });
    }
    Ok(out)
}

/// Undoes the PNG predictors (7.4.4.4) on rows of bytes.
fn unpredict(parameters: &Dict<'_>, data: Vec<u8>) -> Result<Vec<u8>> {
    match parameters.integer(b"Predictor") {
        None | Some(1) => return Ok(data),
        Some(10..=15) => {}
        Some(_) => return malformed("the predictor of a PDF stream"),
    }
    let one = |key: &[u8], usual| parameters.integer(key).is_none_or(|value| value == usual);
    let columns = usize::try_from(parameters.integer(b"Columns").unwrap_or(1)).unwrap_or(0);
    if !one(b"Colors", 1) || !one(b"BitsPerComponent", 8) || columns == 0 || columns > 1 << 16 {
        return malformed("the predictor of a PDF stream");
    }
    if !data.len().is_multiple_of(columns + 1) {
        return malformed("the predictor of a PDF stream");
    }
    let mut out: Vec<u8> = Vec::with_capacity(data.len());
    let mut above = vec![0_u8; columns];
    for row in data.chunks_exact(columns + 1) {
        let Some((kind, row)) = row.split_first() else { continue };
        let (mut left, mut above_left) = (0_u8, 0_u8);
        let mut current = Vec::with_capacity(columns);
        for (byte, up) in row.iter().zip(&above) {
            let predicted = match kind {
                0 => 0,
                1 => left,
                2 => *up,
                3 => u8::try_from(u16::midpoint(u16::from(left), u16::from(*up))).unwrap_or(0),
                4 => paeth(left, *up, above_left),
                _ => return malformed("the predictor of a PDF stream"),
            };
            left = byte.wrapping_add(predicted);
            above_left = *up;
            current.push(left);
        }
        out.extend_from_slice(&current);
        above = current;
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, above_left: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(above_left));
    let estimate = a + b - c;
    let (da, db, dc) = ((estimate - a).abs(), (estimate - b).abs(), (estimate - c).abs());
    if da <= db && da <= dc {
        left
    } else if db <= dc {
        up
    } else {
        above_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pdf::lexer::Lexer;
    use crate::pdf::objects::direct;

    fn dict(text: &str) -> Dict<'_> {
        match direct(&mut Lexer::new(text.as_bytes(), 0), 0) {
            Ok(Object::Dict(dict)) => dict,
            _ => panic!("{text}"),
        }
    }

    #[test]
    fn every_png_predictor_is_undone() {
        let parameters = dict("<< /Predictor 12 /Columns 3 >>");
        let rows = [[0, 1, 2, 3], [1, 1, 1, 1], [2, 1, 1, 1], [3, 1, 1, 1], [4, 1, 1, 1]].concat();
        // None, Sub, Up, Average, Paeth (PNG 9.2), worked out by hand.
        let expected = [[1, 2, 3], [1, 2, 3], [2, 3, 4], [2, 3, 4], [3, 4, 5]].concat();
        assert_eq!(unpredict(&parameters, rows), Ok(expected));
    }

    #[test]
    fn what_is_not_undone_is_refused() {
        for text in [
            "<< /Predictor 2 >>",
            "<< /Predictor 12 /Columns 0 >>",
            "<< /Predictor 12 /Colors 3 >>",
            "<< /Predictor 12 /Columns 2 >>",
        ] {
            assert!(unpredict(&dict(text), vec![0; 4]).is_err(), "{text}");
        }
        assert!(unpredict(&dict("<< /Predictor 15 /Columns 1 >>"), vec![5, 0]).is_err());
        for text in [
            "<< /Filter /LZWDecode >>",
            "<< /Filter [/FlateDecode /FlateDecode] >>",
            "<< /Filter 7 >>",
            "<< /F (file) >>",
        ] {
            assert!(decode(&dict(text), b"", 9).is_err(), "{text}");
        }
    }
}
