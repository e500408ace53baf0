//! The grammar of durations: `"90s"`, `"5m"`, `"1h30m"`.

use std::time::Duration;

/// The units in milliseconds, longest first: the order within a compound duration.
const UNITS: &[(&str, u64)] = &[
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The bound of every duration: 366 days. Milliseconds stay far from overflowing.
pub const MAX: Duration = Duration::from_secs(366 * 86_400);

/// Parses a duration.
///
/// # Errors
/// A sentence that shows the right form.
pub fn parse(text: &str) -> Result<Duration, String> {
    let millis = parse_millis(text).ok_or_else(|| {
        let hint = match text.trim().parse::<u64>() {
            Ok(number) => format!("it lacks its unit, such as `\"{number}s\"`"),
            Err(_) => {
                "write numbers with the units d, h, m, s or ms, such as `\"5m\"` or `\"1h30m\"`"
                    .to_owned()
            }
        };
        format!("`{text}` is not a duration: {hint}")
    })?;
    let duration = Duration::from_millis(millis);
    if duration > MAX {
        return Err(format!(
            "`{text}` is longer than a year: use at most `366d`"
        ));
    }
    Ok(duration)
}

fn parse_millis(mut text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut units = UNITS;
    while !text.is_empty() || units.len() == UNITS.len() {
        let (number, rest) = split(text, |c| c.is_ascii_digit());
        let (unit, rest) = split(rest, |c| c.is_ascii_alphabetic());
        let at = units.iter().position(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(units[at].1)?)?;
        // Each unit appears once, after the longer ones: `5m1h` is rejected.
        units = &units[at + 1..];
        text = rest;
    }
    Some(total)
}

fn split(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !belongs(c)).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("5m", 300_000),
            ("90s", 90_000),
            ("500ms", 500),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1h30m", 5_400_000),
            ("1m500ms", 60_500),
            ("0s", 0),
        ] {
            let duration = parse(text).expect(text);
            assert_eq!(duration.as_millis(), millis, "{text}");
        }
    }

    #[test]
    fn errors_show_the_right_form() {
        for (text, hint) in [
            ("", "such as"),
            ("5", "\"5s\""),
            ("5 minutes", "\"5m\""),
            ("5min", "\"5m\""),
            ("m", "such as"),
            ("-5m", "such as"),
            ("5m1h", "such as"),
            ("1h1h", "such as"),
            ("400d", "a year"),
            ("99999999999999999999d", "such as"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
