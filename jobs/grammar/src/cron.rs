//! The grammar of schedules: cron's five fields, without the additions of other dialects.
//!
//! ```text
//! ┌ minute 0–59
//! │  ┌ hour 0–23
//! │  │ ┌ day of the month 1–31
//! │  │ │ ┌ month 1–12, JAN–DEC
//! │  │ │ │ ┌ day of the week 0–7 (0 and 7 are Sunday), SUN–SAT
//! 30 3 * * MON-FRI
//! ```
//!
//! A field is `*`, or a list of values and ranges, where a range may have a step: `0,30`, `9-17/2`,
//! `*/15`. `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` are abbreviations.
//!
//! An expression means the same at compile time and at run time.

use std::fmt;

/// A parsed cron expression. Its resolution is one minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Bit n of a field is set if the field contains the value n.
    fields: [u64; 5],
    /// Set if both day fields are restricted. A day then matches if either field matches.
    either_day: bool,
}

/// All mistakes in an expression, each with what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronError(Vec<String>);

impl std::error::Error for CronError {}

impl fmt::Display for CronError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

struct Field {
    name: &'static str,
    least: u32,
    most: u32,
    /// Names of the values, from `least` on.
    words: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute",
        least: 0,
        most: 59,
        words: &[],
    },
    Field {
        name: "hour",
        least: 0,
        most: 23,
        words: &[],
    },
    Field {
        name: "day of the month",
        least: 1,
        most: 31,
        words: &[],
    },
    Field {
        name: "month",
        least: 1,
        most: 12,
        words: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
    },
    Field {
        name: "day of the week",
        least: 0,
        most: 7,
        words: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

const MINUTE: usize = 0;
const HOUR: usize = 1;
const DAY: usize = 2;
const MONTH: usize = 3;
const WEEKDAY: usize = 4;

const SHORTHANDS: [(&str, &str); 5] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
];

impl Cron {
    /// Parses an expression.
    ///
    /// # Errors
    /// All mistakes, of all fields.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let text = match text.trim() {
            shorthand if shorthand.starts_with('@') => expand(shorthand)?,
            text => text,
        };
        let parts: Vec<&str> = text.split_whitespace().collect();
        let parts: [&str; 5] = parts.try_into().map_err(|parts| miscounted(text, parts))?;

        let mut fields = [0; 5];
        let mut mistakes = Vec::new();
        for (n, (field, part)) in FIELDS.iter().zip(parts).enumerate() {
            match field.parse(part) {
                Ok(values) => fields[n] = values,
                Err(mistake) => mistakes.push(mistake),
            }
        }
        // 7 is Sunday as well.
        if fields[WEEKDAY] & (1 << 7) != 0 {
            fields[WEEKDAY] = fields[WEEKDAY] & !(1 << 7) | 1;
        }
        let restricted = |field: usize| !parts[field].starts_with('*');
        let cron = Self {
            fields,
            either_day: restricted(DAY) && restricted(WEEKDAY),
        };
        if mistakes.is_empty() && !cron.has_a_day() {
            mistakes.push(format!(
                "`{text}` never matches: none of its months has a day {}",
                parts[DAY]
            ));
        }
        if mistakes.is_empty() {
            Ok(cron)
        } else {
            Err(CronError(mistakes))
        }
    }

    /// Returns `true` if the expression matches this minute of the calendar. `month` starts at 1;
    /// `weekday` starts at 0, which is Sunday.
    pub fn is_due(&self, minute: u32, hour: u32, day: u32, month: u32, weekday: u32) -> bool {
        let has = |field: usize, value: u32| value < 64 && self.fields[field] & (1 << value) != 0;
        let (by_day, by_weekday) = (has(DAY, day), has(WEEKDAY, weekday));
        let on_day = if self.either_day {
            by_day || by_weekday
        } else {
            by_day && by_weekday
        };
        has(MINUTE, minute) && has(HOUR, hour) && has(MONTH, month) && on_day
    }

    /// Returns `true` if a day matches if either of the two day fields matches.
    ///
    /// This holds if both fields are restricted. As in Vixie's cron, a field that begins with `*`
    /// (such as `*/2`) counts as unrestricted, and then both fields must match.
    pub fn is_either_day(&self) -> bool {
        self.either_day
    }

    /// Returns `true` if any month has a matching day.
    fn has_a_day(&self) -> bool {
        const DAYS: [u32; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let first = self.fields[DAY].trailing_zeros();
        let mut months = (1..).zip(DAYS);
        self.either_day
            || months.any(|(month, days)| self.fields[MONTH] & (1 << month) != 0 && first <= days)
    }
}

/// Parses digits. Unlike `str::parse`, it accepts no sign.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Returns the five fields of an abbreviation.
fn expand(shorthand: &str) -> Result<&'static str, CronError> {
    let known = SHORTHANDS.iter().find(|(name, _)| *name == shorthand);
    known.map(|(_, fields)| *fields).ok_or_else(|| {
        let names = SHORTHANDS.map(|(name, _)| format!("`{name}`")).join(", ");
        CronError(vec![format!(
            "`{shorthand}` is not a schedule: use one of {names}, or five fields such as `0 3 * * *`"
        )])
    })
}

/// The error for a number of fields other than five.
fn miscounted(text: &str, parts: Vec<&str>) -> CronError {
    let message = match parts.as_slice() {
        [_, rest @ ..] if rest.len() == 5 => format!(
            "`{text}` has six fields, and a schedule has five, without seconds: write `{}`",
            rest.join(" ")
        ),
        parts => format!(
            "`{text}` has {} of five fields: minute, hour, day of the month, month, day of the \
             week, such as `0 3 * * *`",
            parts.len()
        ),
    };
    CronError(vec![message])
}

impl Field {
    fn parse(&self, part: &str) -> Result<u64, String> {
        let mut values = 0;
        for item in part.split(',') {
            if item == "*" && part != "*" {
                return Err(self.mistake(part, "`*` is every value already: remove the others"));
            }
            values |= self.item(item)?;
        }
        Ok(values)
    }

    /// The greatest value of `*`. For days of the week it is 6, because 7 is Sunday again.
    fn last(&self) -> u32 {
        if self.most == 7 { 6 } else { self.most }
    }

    /// Parses an item of a list: `*`, `7`, `1-5`, `*/15`, `9-17/2`.
    fn item(&self, item: &str) -> Result<u64, String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (self.least, self.last()),
            Some((first, last)) => (self.value(first)?, self.last_value(last)?),
            None => {
                let value = self.value(range)?;
                if let Some(step) = step {
                    let last = self.last();
                    let hint = format!("a step needs a range: write `{value}-{last}/{step}`");
                    return Err(self.mistake(item, &hint));
                }
                (value, value)
            }
        };
        if first > last {
            let (least, most) = (self.least, self.last());
            let hint = format!("a range goes up: write `{first}-{most},{least}-{last}`");
            return Err(self.mistake(item, &hint));
        }
        let step = match step {
            None => 1,
            Some(step) => self.step(item, step, last - first)?,
        };
        let values = (first..=last).step_by(step);
        Ok(values.fold(0, |values, value| values | 1 << value))
    }

    fn step(&self, item: &str, step: &str, length: u32) -> Result<usize, String> {
        match number(step) {
            Some(0) => Err(self.mistake(item, "a step is at least 1")),
            Some(step) if step > length => {
                let hint = format!(
                    "a step of {step} is longer than the range, so only its first value would match"
                );
                Err(self.mistake(item, &hint))
            }
            Some(step) => Ok(step as usize),
            None => Err(self.mistake(item, "a step is a number, such as `*/15`")),
        }
    }

    /// Parses the end of a range. `SUN` is 7 here, so that `SAT-SUN` is a range.
    fn last_value(&self, text: &str) -> Result<u32, String> {
        if self.most == 7 && text.eq_ignore_ascii_case("SUN") {
            Ok(7)
        } else {
            self.value(text)
        }
    }

    fn value(&self, text: &str) -> Result<u32, String> {
        let mut words = (self.least..).zip(self.words);
        if let Some((value, _)) = words.find(|(_, word)| text.eq_ignore_ascii_case(word)) {
            return Ok(value);
        }
        match number(text) {
            Some(value) if (self.least..=self.most).contains(&value) => Ok(value),
            None if text.contains(['?', 'L', 'W', '#']) => Err(self.mistake(
                text,
                "`?`, `L`, `W` and `#` belong to other dialects: use `*` and numbers",
            )),
            _ => {
                let words = match self.words {
                    [first, .., last] => format!(", or a name from {first} to {last}"),
                    _ => String::new(),
                };
                let hint = format!("use a number from {} to {}{words}", self.least, self.most);
                Err(self.mistake(text, &hint))
            }
        }
    }

    fn mistake(&self, what: &str, hint: &str) -> String {
        match what {
            "" => format!("the {} lacks a value: {hint}", self.name),
            what => format!("`{what}` is not a valid {}: {hint}", self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cron;

    /// The values of each field.
    fn values(text: &str) -> [Vec<u32>; 5] {
        let cron = Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        cron.fields
            .map(|bits| (0..64).filter(|n| bits & (1 << n) != 0).collect())
    }

    #[test]
    fn fields_are_values_lists_ranges_and_steps() {
        for (text, field, values) in [
            ("0 3 * * *", 0, vec![0]),
            ("*/15 * * * *", 0, vec![0, 15, 30, 45]),
            ("5-9/2,30 * * * *", 0, vec![5, 7, 9, 30]),
            ("0 22-23,0-2 * * *", 1, vec![0, 1, 2, 22, 23]),
            ("0 0 31 * *", 2, vec![31]),
            ("0 0 1 JAN,jul *", 3, vec![1, 7]),
            ("0 0 * * MON-FRI", 4, vec![1, 2, 3, 4, 5]),
            ("0 0 * * SAT-SUN", 4, vec![0, 6]),
            ("0 0 * * 7", 4, vec![0]),
            ("0 0 * * *", 4, vec![0, 1, 2, 3, 4, 5, 6]),
            ("@weekly", 4, vec![0]),
            ("  0   0 29 2 *  ", 2, vec![29]),
        ] {
            assert_eq!(self::values(text)[field], values, "{text}");
        }
    }

    #[test]
    fn either_of_two_restricted_days_matches() {
        let due = |text, day, weekday| {
            let cron = Cron::parse(text).expect(text);
            cron.is_due(0, 0, day, 5, weekday)
        };
        assert!(due("0 0 13 * FRI", 13, 1));
        assert!(due("0 0 13 * FRI", 12, 5));
        assert!(!due("0 0 13 * FRI", 12, 4));
        assert!(!due("0 0 13 * *", 12, 5));
        assert!(!due("0 0 * * FRI", 12, 4));
        // A step over all days restricts nothing, as in Vixie's cron.
        assert!(!due("0 0 */2 * FRI", 12, 5));
        assert!(due("0 0 */2 * FRI", 13, 5));
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, hint) in [
            ("", "0 of five fields"),
            ("0 3 * *", "4 of five fields"),
            ("0 0 3 * * *", "`0 3 * * *`"),
            ("60 * * * *", "0 to 59"),
            ("* 24 * * *", "0 to 23"),
            ("* * 0 * *", "1 to 31"),
            ("* * * FOO *", "JAN to DEC"),
            ("* * * * 8", "0 to 7, or a name from SUN to SAT"),
            ("*/0 * * * *", "at least 1"),
            ("*/90 * * * *", "longer than the range"),
            ("5/10 * * * *", "`5-59/10`"),
            ("0 22-2 * * *", "`22-23,0-2`"),
            ("0 0 * * FRI-MON", "`5-6,0-1`"),
            ("0 0 L * *", "other dialects"),
            ("0 0 ? * *", "other dialects"),
            ("1,,2 * * * *", "lacks a value"),
            ("+5 * * * *", "0 to 59"),
            ("*/+5 * * * *", "`*/15`"),
            ("*,5 * * * *", "remove the others"),
            ("*/x * * * *", "`*/15`"),
            ("-5 * * * *", "lacks a value"),
            ("0 0 30 2 *", "never matches"),
            ("0 0 31 4,6,9,11 *", "never matches"),
            ("@reboot", "`@daily`"),
        ] {
            let error = Cron::parse(text).expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let error = Cron::parse("60 24 * * MOON").expect_err("three mistakes");
        assert_eq!(error.to_string().lines().count(), 3, "{error}");
    }

    #[test]
    fn no_text_makes_it_panic() {
        for text in [
            "99999999999 * * * *",
            "é * * * *",
            "*-5 * * * *",
            "1-2-3 * * * *",
            "/ / / / /",
            "-/- , - * *",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }
}
