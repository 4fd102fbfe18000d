//! Times as MPDs write them: `xs:duration` and `xs:dateTime`, read by hand because float parsing and
//! calendars cost more code than they save.

const DAY_S: u64 = 86_400;

/// Microseconds of an `xs:duration` (`PT1H2M3.5S`). A year is 365 days and a month 30, as players have it.
/// `None` if it is none, or negative.
pub(super) fn duration_us(text: &str) -> Option<u64> {
    let mut rest = text.trim().strip_prefix('P')?;
    let mut is_time = false;
    let mut total = None;
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T').filter(|_| !is_time) {
            is_time = true;
            rest = time;
            continue;
        }
        let (number, tail) = rest.split_at(number_len(rest));
        let unit_s = match (tail.as_bytes().first()?, is_time) {
            (b'Y', false) => 365 * DAY_S,
            (b'M', false) => 30 * DAY_S,
            (b'D', false) => DAY_S,
            (b'H', true) => 3_600,
            (b'M', true) => 60,
            (b'S', true) => 1,
            _ => return None,
        };
        let us = decimal_us(number)?.checked_mul(unit_s)?;
        total = Some(total.unwrap_or(0_u64).checked_add(us)?);
        rest = &tail[1..];
    }
    total
}

fn number_len(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len())
}

/// A decimal number in millionths; further digits are cut.
fn decimal_us(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut us = digits(whole)?.checked_mul(1_000_000)?;
    let mut unit = 100_000;
    for digit in fraction.bytes() {
        us = us.checked_add(u64::from(digit.checked_sub(b'0').filter(|d| *d < 10)?) * unit)?;
        unit /= 10;
    }
    Some(us)
}

fn digits(text: &str) -> Option<u64> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| all)
}

/// Milliseconds since 1970 of an `xs:dateTime`; without a time zone it is UTC, as players have it.
pub(super) fn date_time_ms(text: &str) -> Option<i64> {
    let (date, time) = text.trim().split_once('T')?;
    let [year, month, day] = three(date, '-')?;
    let (year, month, day) = (digits(year)?, digits(month)?, digits(day)?);
    if !(1..=9_999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let zone_at = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (time, zone) = time.split_at(zone_at);
    let [hour, minute, second] = three(time, ':')?;
    let clock_us = (digits(hour)? * 60 + digits(minute)?)
        .checked_mul(60_000_000)?
        .checked_add(decimal_us(second)?)?;
    let zone_min = match zone.split_at_checked(1) {
        None | Some(("Z", "")) => 0,
        Some((sign, hours)) => {
            let (hours, minutes) = hours.split_once(':')?;
            let minutes = i64::try_from(digits(hours)? * 60 + digits(minutes)?).ok()?;
            if sign == "-" { -minutes } else { minutes }
        }
    };
    let days = days_since_1970(year, month, day);
    let clock_ms = i64::try_from(clock_us / 1_000).ok()?;
    Some(days * 86_400_000 + clock_ms - zone_min * 60_000)
}

fn three(text: &str, separator: char) -> Option<[&str; 3]> {
    let mut parts = text.split(separator);
    let found = [parts.next()?, parts.next()?, parts.next()?];
    parts.next().is_none().then_some(found)
}

/// Days of the Gregorian calendar, years beginning in March so that the leap day comes last.
fn days_since_1970(year: u64, month: u64, day: u64) -> i64 {
    let year = if month < 3 { year - 1 } else { year };
    let months = (month + 9) % 12;
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (months * 153 + 2) / 5 + day;
    i64::try_from(days).unwrap_or(0) - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn durations_are_read() {
        for (text, us) in [
            ("PT0S", 0),
            ("PT634.566S", 634_566_000),
            ("PT0H9M56.46S", 596_460_000),
            (" P1DT2H3M4.5678901S ", 93_784_567_890),
            ("P1Y2M", 425 * 86_400_000_000),
            ("PT1.S", 1_000_000),
        ] {
            assert_eq!(duration_us(text), Some(us), "{text}");
        }
        for text in [
            "",
            "P",
            "PT",
            "-PT5S",
            "PT5",
            "P5S",
            "5S",
            "PT.5S",
            "PT1.2.3S",
            "PT1ST2S",
            "PT-1S",
            "PTxS",
            "PT99999999999999999999S",
            "P99999999999Y",
        ] {
            assert_eq!(duration_us(text), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read() {
        for (text, ms) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:44Z", -16_000),
            ("2000-02-29T12:00:00.25", 951_825_600_250),
            ("2026-11-21T12:00:00+01:30", 1_795_257_000_000),
            ("2026-11-21T09:00:00-01:30", 1_795_257_000_000),
            ("2100-03-01T00:00:00Z", 4_107_542_400_000),
        ] {
            assert_eq!(date_time_ms(text), Some(ms), "{text}");
        }
        for text in [
            "",
            "2026-11-21",
            "2026-13-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-11-21T00:00Z",
            "2026-11-21T00:00:00+1",
            "2026-11-21T00:00:00Zx",
            "x-11-21T00:00:00Z",
            "2026-11-21T99999999999999999:00:00Z",
        ] {
            assert_eq!(date_time_ms(text), None, "{text}");
        }
    }
}
