//! Places on Earth: LOC (RFC 1876).
//!
//! Sixteen octets: version 0; size, horizontal and vertical precision, each a digit and a power of ten in
//! centimetres; latitude and longitude in thousandths of an arc second from 2^31; altitude in centimetres from
//! 100 km below the spheroid.

use super::error::RdataError;
use super::print::{Unprintable, number, push};
use super::table::Field;
use super::text::{Reader, decimal};
use super::wire::Extent;

const EQUATOR: u32 = 1 << 31;
const DEGREE: u32 = 3_600_000;
const SEA_LEVEL: i64 = 10_000_000;

pub(super) fn extent(rest: &[u8], at: usize) -> Extent {
    let Some([version, precisions @ .., _, _, _, _, _, _, _, _, _, _, _, _]) = rest.first_chunk::<16>()
    else {
        return Err("the 16 octets of a location");
    };
    if *version != 0 {
        return Err("version 0");
    }
    if precisions.iter().any(|precision| precision >> 4 > 9 || precision & 15 > 9) {
        return Err("a digit and a power of ten from 0 to 9 as size and precisions");
    }
    if number(&rest[4..8]).abs_diff(EQUATOR) > 90 * DEGREE
        || number(&rest[8..12]).abs_diff(EQUATOR) > 180 * DEGREE
    {
        return Err("a latitude of at most 90 degrees and a longitude of at most 180");
    }
    Ok(at + 16)
}

pub(super) fn print(octets: &[u8], out: &mut String) -> Result<(), Unprintable> {
    print_angle(number(&octets[4..8]), 'N', 'S', out);
    print_angle(number(&octets[8..12]), 'E', 'W', out);
    print_metres(i64::from(number(&octets[12..16])) - SEA_LEVEL, out);
    for &precision in &octets[1..4] {
        out.push(' ');
        let centimetres = i64::from(precision >> 4) * 10i64.pow(u32::from(precision & 15));
        // No metres at a power of ten have the same text as no metres.
        if encode_precision(centimetres as u64) != Some(precision) {
            return Err(Unprintable);
        }
        print_metres(centimetres, out);
    }
    Ok(())
}

fn print_angle(value: u32, positive: char, negative: char, out: &mut String) {
    let (angle, side) = (value.abs_diff(EQUATOR), if value >= EQUATOR { positive } else { negative });
    let (degrees, minutes) = (angle / DEGREE, angle / 60_000 % 60);
    let (seconds, thousandths) = (angle / 1_000 % 60, angle % 1_000);
    push(out, format_args!("{degrees} {minutes} {seconds}.{thousandths:03} {side} "));
}

fn print_metres(centimetres: i64, out: &mut String) {
    let sign = if centimetres < 0 { "-" } else { "" };
    let centimetres = centimetres.unsigned_abs();
    push(out, format_args!("{sign}{}.{:02}m", centimetres / 100, centimetres % 100));
}

/// `d [m [s[.fff]]] N|S d [m [s[.fff]]] E|W altitude[m] [size[m] [horizontal[m] [vertical[m]]]]`; sizes that
/// are missing are 1 m, 10 km and 10 m (RFC 1876 section 3).
pub(super) fn parse(reader: &mut Reader<'_>, field: &'static Field) -> Result<(), RdataError> {
    let latitude =
        angle(reader, field, 90, ["N", "S"], "degrees, minutes and seconds of latitude, then N or S")?;
    let longitude =
        angle(reader, field, 180, ["E", "W"], "degrees, minutes and seconds of longitude, then E or W")?;
    let expected = "an altitude in metres from -100000.00 to 42849672.95";
    let token = reader.token(field, expected)?;
    let altitude = metres(token.text).and_then(|metres| u32::try_from(metres + SEA_LEVEL).ok());
    let altitude = altitude.ok_or_else(|| reader.wrong(field, token, expected))?;
    let mut precisions = [0x12, 0x16, 0x13];
    for precision in &mut precisions {
        let Some(token) = reader.optional()? else { break };
        let read = metres(token.text).and_then(|metres| encode_precision(u64::try_from(metres).ok()?));
        *precision = read
            .ok_or_else(|| reader.wrong(field, token, "a size or precision in metres, 0 to 90000000.00"))?;
    }
    reader.push(&[0]);
    reader.push(&precisions);
    for value in [latitude, longitude, altitude] {
        reader.push(&value.to_be_bytes());
    }
    Ok(())
}

fn angle(
    reader: &mut Reader<'_>,
    field: &'static Field,
    most: u32,
    sides: [&str; 2],
    expected: &'static str,
) -> Result<u32, RdataError> {
    let mut sum = 0;
    // Degrees must be there; minutes and seconds may be missing.
    for (unit, limit) in [(DEGREE, most), (60_000, 59), (1_000, 59)] {
        let token = reader.token(field, expected)?;
        if unit < DEGREE && sides.iter().any(|side| side.eq_ignore_ascii_case(token.text)) {
            return place(sum, token.text.eq_ignore_ascii_case(sides[0]), most)
                .ok_or_else(|| reader.wrong(field, token, expected));
        }
        let (whole, fraction) = match token.text.split_once('.') {
            Some((whole, fraction)) if unit == 1_000 => (whole, decimals(fraction, 3)),
            _ => (token.text, Some(0)),
        };
        match (decimal(whole, limit), fraction) {
            (Some(whole), Some(fraction)) => sum += whole * unit + fraction,
            _ => return Err(reader.wrong(field, token, expected)),
        }
    }
    let token = reader.token(field, expected)?;
    let side = sides.iter().position(|side| side.eq_ignore_ascii_case(token.text));
    side.and_then(|side| place(sum, side == 0, most)).ok_or_else(|| reader.wrong(field, token, expected))
}

fn place(angle: u32, positive: bool, most: u32) -> Option<u32> {
    (angle <= most * DEGREE).then_some(if positive { EQUATOR + angle } else { EQUATOR - angle })
}

/// Centimetres of a number of metres with up to two decimals.
fn metres(text: &str) -> Option<i64> {
    let text = text.strip_suffix(['m', 'M']).unwrap_or(text);
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text),
    };
    let (whole, fraction) =
        text.split_once('.').map_or((text, Some(0)), |(whole, part)| (whole, decimals(part, 2)));
    let whole = decimal(whole, u32::MAX)?;
    Some(sign * (i64::from(whole) * 100 + i64::from(fraction?)))
}

/// The digits behind a point, as if there were `places` of them.
fn decimals(digits: &str, places: usize) -> Option<u32> {
    if digits.is_empty() || digits.len() > places {
        return None;
    }
    decimal(digits, 999).map(|value| value * 10u32.pow((places - digits.len()) as u32))
}

/// A digit and a power of ten; what is between two of them is rounded down, as RFC 1876's own code does.
fn encode_precision(centimetres: u64) -> Option<u8> {
    let (mut digit, mut power) = (centimetres, 0);
    while digit > 9 {
        digit /= 10;
        power += 1;
    }
    (power <= 9).then_some((digit as u8) << 4 | power)
}
