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

/// Parses a duration of at most [`MAX`].
///
/// # Errors
/// A sentence that shows the right form, or the bound.
pub fn parse(text: &str) -> Result<Duration, String> {
    let duration = parse_any(text)?;
    if duration > MAX {
        return Err(format!(
            "`{text}` is longer than a year: use at most `366d`"
        ));
    }
    Ok(duration)
}

/// Parses a duration of any length, for a caller with a bound of its own.
///
/// # Errors
/// A sentence that shows the right form.
pub fn parse_any(text: &str) -> Result<Duration, String> {
    let millis = parse_millis(text).ok_or_else(|| {
        let hint = match (text.trim().parse::<u64>(), suggest(text)) {
            (Ok(number), _) => format!("it lacks its unit, such as `\"{number}s\"`"),
            (Err(_), Some(better)) => format!("write `\"{better}\"`"),
            (Err(_), None) => {
                "write numbers with the units d, h, m, s or ms, such as `\"5m\"` or `\"1h30m\"`"
                    .to_owned()
            }
        };
        format!("`{text}` is not a duration: {hint}")
    })?;
    Ok(Duration::from_millis(millis))
}

/// Returns the duration that a text of another dialect means: `5 minutes`, `1.5h`, `2 weeks`.
pub fn suggest(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase().replace(['_', ',', ' '], "");
    let mut rest = text.as_str();
    let mut millis = 0.0;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split(after, |c| c.is_ascii_alphabetic());
        millis += number.parse::<f64>().ok()? * synonym(unit)?;
        rest = after;
    }
    let within = 1.0..=MAX.as_secs_f64() * 1_000.0;
    let meant = || show(Duration::from_secs_f64(millis / 1_000.0));
    within.contains(&millis).then(meant)
}

/// A unit of another dialect, in milliseconds.
fn synonym(unit: &str) -> Option<f64> {
    Some(match unit {
        "w" | "week" | "weeks" => 604_800_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3_600_000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
        "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1.0,
        _ => return None,
    })
}

/// Writes a duration in the form that [`parse`] reads: `1h30m`.
pub fn show(duration: Duration) -> String {
    let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let mut text = String::new();
    for (unit, millis) in UNITS {
        if rest >= *millis {
            text += &format!("{}{unit}", rest / millis);
            rest %= millis;
        }
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

fn parse_millis(mut text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut units = UNITS;
    while !text.is_empty() || units.len() == UNITS.len() {
        let (number, rest) = split(text, |c| c.is_ascii_digit());
        let (unit, rest) = split(rest, |c| c.is_ascii_alphabetic());
        let at = units.iter().position(|(name, _)| *name == unit)?;
        if number.is_empty() {
            return None;
        }
        // A number that is too wide is beyond every bound, too.
        let number = number.parse().unwrap_or(u64::MAX);
        total = total.saturating_add(number.saturating_mul(units[at].1));
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
    use super::{parse, show, suggest};

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
            ("5m1h", "\"1h5m\""),
            ("1h1h", "\"2h\""),
            ("1.5h", "\"1h30m\""),
            ("400d", "a year"),
            ("99999999999999999999d", "a year"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn a_suggestion_is_a_duration() {
        for (text, better) in [
            ("5 minutes", Some("5m")),
            ("1 hour, 30 min", Some("1h30m")),
            ("2 weeks", Some("14d")),
            ("0.5s", Some("500ms")),
            ("10 fortnights", None),
            ("infinite", None),
            ("", None),
            ("9e9d", None),
        ] {
            assert_eq!(suggest(text).as_deref(), better, "{text}");
            assert!(better.is_none_or(|better| parse(better).is_ok()), "{text}");
        }
        assert_eq!(show(std::time::Duration::ZERO), "0s");
    }
}
