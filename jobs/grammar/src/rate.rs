//! The grammar of rates: `"60/min"`.

use std::time::Duration;

/// The periods of a rate, in seconds.
const PERIODS: [(&str, u64); 4] = [("s", 1), ("min", 60), ("h", 3_600), ("d", 86_400)];

/// Parses `"60/min"` into the number of starts and their period.
///
/// # Errors
/// A sentence that shows the right form.
pub fn parse(text: &str) -> Result<(u32, Duration), String> {
    let wrong = |hint: &str| Err(format!("`{text}` is not a rate: {hint}"));
    let Some((count, period)) = text.split_once('/') else {
        return wrong("write a number of starts per period, such as `\"60/min\"`");
    };
    let (count, period) = (count.trim(), period.trim());
    let count = match count.parse::<u32>() {
        Ok(0) => return wrong("no attempt would start: write at least 1, or `enabled = false`"),
        Ok(count) => count,
        Err(_) => return wrong("it begins with a number of starts, such as `\"60/min\"`"),
    };
    if let Some((_, seconds)) = PERIODS.iter().find(|(name, _)| *name == period) {
        return Ok((count, Duration::from_secs(*seconds)));
    }
    let plain = period.trim_end_matches('s');
    let meant = match plain {
        "" | "sec" | "second" => Some("s"),
        "m" | "minute" | "min" => Some("min"),
        "hour" | "hr" | "h" => Some("h"),
        "day" | "d" => Some("d"),
        _ => None,
    };
    match meant {
        Some(meant) => wrong(&format!("write `\"{count}/{meant}\"`")),
        None => wrong("the period is one of `s`, `min`, `h`, `d`"),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn rates() {
        for (rate, count, seconds) in [
            ("60/min", 60, 60),
            ("1/s", 1, 1),
            ("10 / h", 10, 3_600),
            ("4294967295/d", u32::MAX, 86_400),
        ] {
            let read = parse(rate).map(|(count, period)| (count, period.as_secs()));
            assert_eq!(read, Ok((count, seconds)), "{rate}");
        }
        for (rate, hint) in [
            ("60", "per period"),
            ("0/s", "enabled = false"),
            ("/s", "a number"),
            ("-1/s", "a number"),
            ("60/minute", "`\"60/min\"`"),
            ("60/m", "`\"60/min\"`"),
            ("5/seconds", "`\"5/s\"`"),
            ("5/week", "`s`, `min`, `h`, `d`"),
        ] {
            let error = parse(rate).expect_err(rate);
            assert!(error.contains(hint), "{rate}: {error}");
        }
    }
}
