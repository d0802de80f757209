//! Times in text: BIND's TTL units, and the dates of signatures.

/// Seconds, as a number or with BIND's units: `3600`, `1h`, `1w2d`. Weeks, days, hours, minutes and seconds, in
/// any order and case; a number without a unit stands alone. `None` for other text, and above 2^32 − 1.
pub fn parse_ttl(text: &str) -> Option<u32> {
    if text.bytes().all(|octet| octet.is_ascii_digit()) {
        return number(text);
    }
    let mut sum = 0u32;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let count = number(&rest[..digits])?;
        let unit = match rest.as_bytes().get(digits)?.to_ascii_lowercase() {
            b'w' => 604_800,
            b'd' => 86_400,
            b'h' => 3_600,
            b'm' => 60,
            b's' => 1,
            _ => return None,
        };
        sum = count.checked_mul(unit)?.checked_add(sum)?;
        rest = &rest[digits + 1..];
    }
    Some(sum)
}

/// A number of digits alone; the standard library would take a `+` as well.
fn number(digits: &str) -> Option<u32> {
    digits.parse().ok().filter(|_| !digits.starts_with('+'))
}

/// A moment of a signature: YYYYMMDDHHmmSS, or the seconds since 1970 in at most ten digits (RFC 4034
/// section 3.2).
pub(super) fn parse_date(text: &str) -> Option<u32> {
    if !text.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    if text.len() != 14 {
        return if text.len() <= 10 { number(text) } else { None };
    }
    let part = |from: usize, to: usize| text[from..to].parse::<u32>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if year < 1970 || !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_before(year, month) + day - 1;
    if days >= days_before(year + month / 12, month % 12 + 1) {
        return None;
    }
    u64::from(days)
        .checked_mul(86_400)?
        .checked_add(u64::from(hour * 3_600 + minute * 60 + second))?
        .try_into()
        .ok()
}

/// YYYYMMDDHHmmSS of a moment.
pub(super) fn print_date(seconds: u32) -> String {
    let (days, time) = (seconds / 86_400, seconds % 86_400);
    // 2^32 seconds end in 2106: the year is found by looking, from a guess that is never too late.
    let mut year = 1970 + days / 366;
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    let day = days - days_before(year, month) + 1;
    format!("{year:04}{month:02}{day:02}{:02}{:02}{:02}", time / 3_600, time / 60 % 60, time % 60)
}

/// The days from 1970-01-01 to the first of this month.
fn days_before(year: u32, month: u32) -> u32 {
    let leaps = |year: u32| year / 4 - year / 100 + year / 400;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let in_year = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month as usize - 1];
    (year - 1970) * 365 + leaps(year - 1) - leaps(1969) + in_year + u32::from(is_leap && month > 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ttl_units() {
        let cases = [("0", Some(0)), ("3600", Some(3600)), ("1h", Some(3600)), ("1W2d3H4m5S", Some(788_645))];
        let refused = ["", "h", "1x", "1h30", "+1", "-1", "1.5", "4294967296", "7102w", "1 h"];
        for (text, want) in cases.into_iter().chain(refused.map(|text| (text, None))) {
            assert_eq!(parse_ttl(text), want, "{text}");
        }
    }

    #[test]
    fn dates_of_rfc_4034_section_3_2() {
        // The signature of RFC 4034 section 3.3.
        assert_eq!(parse_date("20030322173103"), Some(1_048_354_263));
        assert_eq!(print_date(1_048_354_263), "20030322173103");
        assert_eq!(parse_date("1048354263"), Some(1_048_354_263));
        assert_eq!(print_date(u32::MAX), "21060207062815");
        assert_eq!(parse_date("21060207062815"), Some(u32::MAX));
        for bad in
            ["21060207062816", "20230229000000", "20231301000000", "20230100000000", "20230101240000", "2023"]
        {
            assert!(parse_date(bad).is_none_or(|_| bad.len() <= 10), "{bad}");
        }
        for seconds in (0..=u32::MAX).step_by(40_503) {
            assert_eq!(parse_date(&print_date(seconds)), Some(seconds));
        }
    }
}
