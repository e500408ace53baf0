//! The parser of cron expressions: five fields, or six with seconds first.
//!
//! ```text
//! ┌ second 0–59; may be left out, and is then 0
//! │ ┌ minute 0–59
//! │ │  ┌ hour 0–23
//! │ │  │ ┌ day of the month 1–31, or L for the last one
//! │ │  │ │ ┌ month 1–12, JAN–DEC
//! │ │  │ │ │ ┌ day of the week 0–7 (0 and 7 are Sunday), SUN–SAT
//! 0 30 3 * * MON-FRI
//! ```
//!
//! A field is `*`, or a list of values and ranges, where a range may have a step: `0,30`, `9-17/2`,
//! `*/15`. `FRI#2` is the second Friday of a month, `FRIL` its last one. `@hourly`, `@daily` (or
//! `@midnight`), `@weekly`, `@monthly` and `@yearly` (or `@annually`) are abbreviations.
//!
//! An expression means the same at compile time and at run time.

use std::fmt;

/// A parsed cron expression. Its resolution is one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cron {
    /// Bit n of a field is set if the field contains the value n.
    fields: [u64; 6],
    /// Set if the last day of the month matches (`L`).
    last_day: bool,
    /// For each weekday, bit n is set if its n-th day in the month matches, and bit [`LAST`] if its
    /// last one does.
    nth: [u8; 7],
    /// Set if both day fields are restricted. A day then matches if either field matches.
    either_day: bool,
}

/// A second of the calendar, in some time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// The year.
    pub year: i32,
    /// The month, from 1.
    pub month: u32,
    /// The day of the month, from 1.
    pub day: u32,
    /// The hour, from 0.
    pub hour: u32,
    /// The minute.
    pub minute: u32,
    /// The second.
    pub second: u32,
}

impl CivilTime {
    /// The day of the week, from 0, which is Sunday (Sakamoto's method).
    fn weekday(self) -> u32 {
        const SHIFTS: [i32; 12] = [0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4];
        let month = (self.month.clamp(1, 12) - 1) as usize;
        let year = if month < 2 { self.year - 1 } else { self.year };
        let leaps = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        let day = i32::try_from(self.day).unwrap_or(1);
        (year + leaps + SHIFTS[month] + day)
            .rem_euclid(7)
            .unsigned_abs()
    }

    /// The number of days of the month.
    fn days_in_month(self) -> u32 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

/// The bit for the last day of a weekday in its month.
const LAST: u32 = 6;

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

const FIELDS: [Field; 6] = [
    Field {
        name: "second",
        least: 0,
        most: 59,
        words: &[],
    },
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

const SECOND: usize = 0;
const MINUTE: usize = 1;
const HOUR: usize = 2;
const DAY: usize = 3;
const MONTH: usize = 4;
const WEEKDAY: usize = 5;

const SHORTHANDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

impl Cron {
    /// Parses an expression.
    ///
    /// # Errors
    /// All mistakes, of all fields.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let text = expand(text)?;
        let mut parts: Vec<&str> = text.split_whitespace().collect();
        if parts.len() == 5 {
            parts.insert(SECOND, "0");
        }
        let parts: [&str; 6] = parts.try_into().map_err(|parts| miscounted(text, parts))?;

        let mut cron = Self {
            fields: [0; 6],
            last_day: false,
            nth: [0; 7],
            either_day: false,
        };
        let mut mistakes = Vec::new();
        for (n, (field, part)) in FIELDS.iter().zip(parts).enumerate() {
            if let Err(mistake) = cron.read_field(n, field, part) {
                mistakes.push(mistake);
            }
        }
        // 7 is Sunday as well.
        if cron.fields[WEEKDAY] & (1 << 7) != 0 {
            cron.fields[WEEKDAY] = cron.fields[WEEKDAY] & !(1 << 7) | 1;
        }
        let restricted = |field: usize| !parts[field].starts_with('*');
        cron.either_day = restricted(DAY) && restricted(WEEKDAY);
        if mistakes.is_empty() && !cron.has_a_day() {
            let lacks = match parts[WEEKDAY] {
                "*" => format!("none of its months has a day {}", parts[DAY]),
                _ => "its day fields never match the same day".to_owned(),
            };
            mistakes.push(format!("`{text}` never matches: {lacks}"));
        }
        if mistakes.is_empty() {
            Ok(cron)
        } else {
            Err(CronError(mistakes))
        }
    }

    /// Parses one field: its list of items.
    fn read_field(&mut self, n: usize, field: &Field, part: &str) -> Result<(), String> {
        for item in part.split(',') {
            if item == "*" && part != "*" {
                return Err(field.mistake(part, "`*` is every value already: remove the others"));
            }
            match n {
                DAY if item.eq_ignore_ascii_case("L") => self.last_day = true,
                WEEKDAY if is_nth(item) => {
                    let (weekday, bit) = field.nth(item)?;
                    self.nth[weekday] |= 1 << bit;
                }
                _ => self.fields[n] |= field.item(item)?,
            }
        }
        Ok(())
    }

    /// Returns `true` if the expression matches this second of the calendar.
    pub fn is_due(&self, at: CivilTime) -> bool {
        self.has(SECOND, at.second)
            && self.has(MINUTE, at.minute)
            && self.has(HOUR, at.hour)
            && self.is_on_day(at)
    }

    fn has(&self, field: usize, value: u32) -> bool {
        value < 64 && self.fields[field] & (1 << value) != 0
    }

    /// Returns `true` if month and day match.
    fn is_on_day(&self, at: CivilTime) -> bool {
        let (last, weekday) = (at.days_in_month(), at.weekday());
        let nth = self.nth[weekday as usize % 7];
        let is_last_weekday = nth & (1 << LAST) != 0 && at.day + 7 > last;
        let is_nth_weekday = nth & (1 << at.day.div_ceil(7)) != 0;
        let by_day = self.has(DAY, at.day) || self.last_day && at.day == last;
        let by_weekday = self.has(WEEKDAY, weekday) || is_last_weekday || is_nth_weekday;
        let on_day = if self.either_day {
            by_day || by_weekday
        } else {
            by_day && by_weekday
        };
        self.has(MONTH, at.month) && on_day
    }

    /// Returns `true` if a day matches if either of the two day fields matches.
    ///
    /// This holds if both fields are restricted. As in Vixie's cron, a field that begins with `*`
    /// (such as `*/2`) counts as unrestricted, and then both fields must match.
    pub fn is_either_day(&self) -> bool {
        self.either_day
    }

    /// Returns `true` if any day matches. 28 years contain every year that the calendar knows: leap
    /// or not, beginning with each day of the week.
    fn has_a_day(&self) -> bool {
        let days = (2000..2028).flat_map(|year| {
            (1..=12).flat_map(move |month| {
                (1..=31).map(move |day| CivilTime {
                    year,
                    month,
                    day,
                    hour: 0,
                    minute: 0,
                    second: 0,
                })
            })
        });
        days.filter(|at| at.day <= at.days_in_month())
            .any(|at| self.is_on_day(at))
    }
}

/// True for `FRI#2`, `5#L` and `FRIL`. `JUL` is not a weekday, and is rejected as one.
fn is_nth(item: &str) -> bool {
    item.contains('#') || item.len() > 1 && item.ends_with(['L', 'l'])
}

/// Parses digits. Unlike `str::parse`, it accepts no sign.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Returns the fields of an expression: of an abbreviation those that it stands for.
///
/// # Errors
/// The text begins with `@` and is no abbreviation.
pub fn expand(text: &str) -> Result<&str, CronError> {
    let text = text.trim();
    if !text.starts_with('@') {
        return Ok(text);
    }
    let known = SHORTHANDS.iter().find(|(name, _)| *name == text);
    known.map(|(_, fields)| *fields).ok_or_else(|| {
        let names = SHORTHANDS.map(|(name, _)| format!("`{name}`")).join(", ");
        CronError(vec![format!(
            "`{text}` is not a schedule: use one of {names}, or five fields such as `0 3 * * *`"
        )])
    })
}

/// The error for a number of fields other than five or six.
#[expect(clippy::needless_pass_by_value, reason = "the fields that did not fit")]
fn miscounted(text: &str, parts: Vec<&str>) -> CronError {
    CronError(vec![format!(
        "`{text}` has {} fields instead of five: minute, hour, day of the month, month, day of the \
         week, such as `0 3 * * *`; a sixth one before them is the second",
        parts.len()
    )])
}

impl Field {
    /// Parses `FRI#2`, `FRI#L` or `FRIL` into the weekday and its bit.
    fn nth(&self, item: &str) -> Result<(usize, u32), String> {
        let (day, place) = match item.split_once('#') {
            Some((day, place)) => (day, place),
            None => item.split_at(item.len() - 1),
        };
        let bit = match number(place) {
            _ if place.eq_ignore_ascii_case("L") => LAST,
            Some(place @ 1..=5) => place,
            _ => {
                let hint = "write `FRI#1` to `FRI#5`, or `FRI#L` for the last one of the month";
                return Err(self.mistake(item, hint));
            }
        };
        Ok((self.value(day)? as usize % 7, bit))
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
                "`L` is a day of the month, `FRI#2` and `FRIL` are days of the week; `?` and `W` \
                 belong to other dialects",
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
    use super::{CivilTime, Cron};

    /// The values of each field.
    fn values(text: &str) -> [Vec<u32>; 6] {
        let cron = Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        cron.fields
            .map(|bits| (0..64).filter(|n| bits & (1 << n) != 0).collect())
    }

    #[test]
    fn fields_are_values_lists_ranges_and_steps() {
        for (text, field, values) in [
            ("0 3 * * *", 0, vec![0]),
            ("*/20 0 3 * * *", 0, vec![0, 20, 40]),
            ("0 3 * * *", 1, vec![0]),
            ("*/15 * * * *", 1, vec![0, 15, 30, 45]),
            ("5-9/2,30 * * * *", 1, vec![5, 7, 9, 30]),
            ("0 22-23,0-2 * * *", 2, vec![0, 1, 2, 22, 23]),
            ("0 0 31 * *", 3, vec![31]),
            ("0 0 1 JAN,jul *", 4, vec![1, 7]),
            ("0 0 * * MON-FRI", 5, vec![1, 2, 3, 4, 5]),
            ("0 0 * * SAT-SUN", 5, vec![0, 6]),
            ("0 0 * * 7", 5, vec![0]),
            ("0 0 * * *", 5, vec![0, 1, 2, 3, 4, 5, 6]),
            ("@weekly", 5, vec![0]),
            ("@midnight", 2, vec![0]),
            ("  0   0 29 2 *  ", 3, vec![29]),
        ] {
            assert_eq!(self::values(text)[field], values, "{text}");
        }
    }

    /// True if midnight of this day in 2024 matches.
    fn due(text: &str, month: u32, day: u32) -> bool {
        let cron = Cron::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        cron.is_due(CivilTime {
            year: 2024,
            month,
            day,
            hour: 0,
            minute: 0,
            second: 0,
        })
    }

    #[test]
    fn either_of_two_restricted_days_matches() {
        // The 13th of May 2024 is a Monday, the 10th a Friday.
        assert!(due("0 0 13 * FRI", 5, 13));
        assert!(due("0 0 13 * FRI", 5, 10));
        assert!(!due("0 0 13 * FRI", 5, 9));
        assert!(!due("0 0 13 * *", 5, 10));
        assert!(!due("0 0 * * FRI", 5, 9));
        // A step over all days restricts nothing, as in Vixie's cron.
        assert!(!due("0 0 */2 * FRI", 5, 10));
        assert!(due("0 0 */2 * FRI", 5, 17));
    }

    #[test]
    fn last_and_nth_days_depend_on_the_month() {
        assert!(due("0 0 L * *", 2, 29));
        assert!(!due("0 0 L * *", 3, 30));
        assert!(due("0 0 1,L * *", 4, 30) && due("0 0 1,L * *", 4, 1));
        // Fridays of May 2024: 3, 10, 17, 24, 31.
        for (text, days) in [
            ("0 0 * * FRI#2", vec![10]),
            ("0 0 * * 5#1,5#5", vec![3, 31]),
            ("0 0 * * FRIL", vec![31]),
            ("0 0 * * fri#l,MON#1", vec![6, 31]),
            ("0 0 15 * FRI#1", vec![3, 15]),
        ] {
            let found: Vec<u32> = (1..=31).filter(|day| due(text, 5, *day)).collect();
            assert_eq!(found, days, "{text}");
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, hint) in [
            ("", "0 fields instead of five"),
            ("0 3 * *", "4 fields instead of five"),
            ("0 0 3 * * * 2030", "7 fields instead of five"),
            ("60 0 3 * * *", "not a valid second"),
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
            ("0 0 15W * *", "other dialects"),
            ("0 0 ? * *", "other dialects"),
            ("0 0 * * L", "other dialects"),
            ("0 0 * * FRI#6", "`FRI#5`"),
            ("0 0 * * JUL", "SUN to SAT"),
            ("L 0 * * *", "day of the month"),
            ("1,,2 * * * *", "lacks a value"),
            ("+5 * * * *", "0 to 59"),
            ("*/+5 * * * *", "`*/15`"),
            ("*,5 * * * *", "remove the others"),
            ("*/x * * * *", "`*/15`"),
            ("-5 * * * *", "lacks a value"),
            ("0 0 30 2 *", "never matches"),
            ("0 0 31 4,6,9,11 *", "never matches"),
            ("0 0 */3 2 MON#5", "never match the same day"),
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
            "0 0 * * #",
            "0 0 * * éL",
            "0 0 * * é",
        ] {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
    }
}
