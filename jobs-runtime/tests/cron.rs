//! The cron grammar of the `#[job]` attribute, compared with the library that evaluates schedules.
//!
//! An expression that passes at compile time is accepted at run time and has the same meaning.
//! docs/decisions/0005-cron.md lists the differences.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jobs::runtime::{CivilTime, Cron, expand_cron};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::TestCaseError;

/// Parses with the library, configured as in the runtime.
fn library(text: &str) -> Result<croner::Cron, String> {
    // The grammar decides whether one of the two day fields or both must match.
    let either = Cron::parse(text).is_ok_and(|cron| cron.is_either_day());
    CronParser::builder()
        .seconds(Seconds::Optional)
        .year(Year::Disallowed)
        .dom_and_dow(!either)
        .build()
        .parse(expand_cron(text).unwrap_or(text))
        .map_err(|error| error.to_string())
}

/// Expressions that only the grammar rejects, with a part of its error text.
const DIFFERENCES: [(&str, &str); 8] = [
    ("0 0 15W * *", "other dialects"),
    ("0 0 ? * 5#2", "other dialects"),
    ("1,,2 * * * *", "lacks a value"),
    ("*/90 * * * *", "longer than the range"),
    ("0 0 30 2 *", "never matches"),
    ("JAN * * * *", "not a valid minute"),
    ("0 0 * 1FEB *", "not a valid month"),
    ("0 0 * * +MON", "not a valid day of the week"),
];

#[test]
fn the_documented_differences_exist() {
    for (text, words) in DIFFERENCES {
        let error = Cron::parse(text).expect_err(text).to_string();
        assert!(error.contains(words), "{text}: {error}");
        library(text).unwrap_or_else(|error| panic!("the library rejects {text} as well: {error}"));
    }
}

/// Generates values and ranges with and without steps, in and out of bounds, and syntax of other
/// dialects.
fn item() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        8 => (0..=8_u32).prop_map(|n| n.to_string()),
        6 => (0..=32_u32).prop_map(|n| n.to_string()),
        3 => (0..=70_u32).prop_map(|n| format!("{n:02}")),
        2 => select(vec!["MON", "tue", "SUN", "Sat", "JAN", "feb", "DEC", "sep"])
            .prop_map(str::to_owned),
        2 => select(vec!["L", "5L", "1#2", "FRI#L", "mon#3", "SATL"]).prop_map(str::to_owned),
        1 => select(vec!["", "?", "W", "15W", "1#6", "+5", "-1", "x", "SUNDAY", "*"])
            .prop_map(str::to_owned),
    ];
    let range = prop_oneof![
        3 => Just("*".to_owned()),
        4 => value.clone(),
        3 => (value.clone(), value).prop_map(|(first, last)| format!("{first}-{last}")),
    ];
    let step = prop_oneof![
        4 => Just(String::new()),
        2 => (0..=9_u32).prop_map(|step| format!("/{step}")),
        1 => select(vec!["/", "/x", "/90", "/2/2", "/+2", "/02"]).prop_map(str::to_owned),
    ];
    (range, step).prop_map(|(range, step)| range + &step)
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => Just("*".to_owned()),
        5 => item(),
        2 => prop::collection::vec(item(), 2..4).prop_map(|items| items.join(",")),
    ]
}

fn expression() -> impl Strategy<Value = String> {
    prop_oneof![
        16 => prop::collection::vec(field(), 5),
        4 => prop::collection::vec(field(), 6),
        1 => prop::collection::vec(field(), 0..8),
    ]
    .prop_map(|fields| fields.join(" "))
}

/// Generates valid expressions, except for dates that never occur.
fn well_formed() -> impl Strategy<Value = String> {
    let field = |least: u32, most: u32| {
        let values = (least..=most, least..=most, 1..=(most - least));
        let item = (values, 0..4_u8).prop_map(move |((a, b, step), shape)| {
            let (first, last) = (a.min(b), a.max(b));
            match shape {
                0 => format!("*/{step}"),
                1 => format!("{first}-{last}"),
                2 if last - first >= step => format!("{first}-{last}/{step}"),
                _ => a.to_string(),
            }
        });
        let list = prop::collection::vec(item, 1..4).prop_map(|items| items.join(","));
        prop_oneof![2 => Just("*".to_owned()), 3 => list]
    };
    let weekday = prop_oneof![
        4 => field(0, 6),
        2 => select(vec!["1#5", "FRIL", "5#L,MON#1", "2,SUN#2", "7L", "wed#3"])
            .prop_map(str::to_owned),
        1 => select(vec!["7", "0-7", "5-7", "MON-SUN", "sat-sun/1", "SUN-SUN", "Sun,tue"])
            .prop_map(str::to_owned),
    ];
    let day = prop_oneof![
        4 => field(1, 31),
        1 => select(vec!["L", "1,L", "l"]).prop_map(str::to_owned),
    ];
    let second = prop_oneof![2 => Just(String::new()), 1 => field(0, 59)];
    let fields = (
        second,
        field(0, 59),
        field(0, 23),
        day,
        field(1, 12),
        weekday,
    );
    fields.prop_map(|(second, minute, hour, day, month, weekday)| {
        format!("{second} {minute} {hour} {day} {month} {weekday}")
    })
}

/// Returns whether a line of the grammar's error is one of the documented differences.
fn is_documented(error: &str) -> bool {
    error.lines().any(|line| {
        // The library checks names and signs less strictly.
        let what = line.split('`').nth(1).unwrap_or_default();
        let spelled = what.contains(|c: char| c == '+' || c.is_ascii_alphabetic());
        spelled
            || DIFFERENCES[..5]
                .iter()
                .any(|(_, words)| line.contains(words))
    })
}

fn at(minute: i64) -> DateTime {
    let start = jiff::civil::date(2024, 1, 1).at(0, 0, 0, 0);
    start + jiff::Span::new().minutes(minute)
}

fn is_due(cron: &Cron, at: DateTime) -> bool {
    let number = |value: i8| u32::try_from(value).expect("not negative");
    cron.is_due(CivilTime {
        year: at.year().into(),
        month: number(at.month()),
        day: number(at.day()),
        hour: number(at.hour()),
        minute: number(at.minute()),
        second: number(at.second()),
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn both_accept_or_both_reject(text in expression()) {
        match (Cron::parse(&text), library(&text)) {
            (Ok(_), Ok(_)) | (Err(_), Err(_)) => {}
            (Ok(_), Err(error)) => prop_assert!(false, "only the library rejects `{text}`: {error}"),
            (Err(error), Ok(_)) => prop_assert!(
                is_documented(&error.to_string()),
                "only the grammar rejects `{text}`: {error}"
            ),
        }
    }

    #[test]
    fn accepted_expressions_have_the_same_meaning(
        text in well_formed(),
        minutes in prop::collection::vec(0..10_i64 * 366 * 24 * 60, 8),
    ) {
        let ours = match Cron::parse(&text) {
            Ok(cron) => cron,
            Err(error) => {
                prop_assert!(error.to_string().contains("never matches"), "{}", error);
                return Ok(());
            }
        };
        let theirs = library(&text).map_err(TestCaseError::fail)?;
        for minute in minutes {
            let time = at(minute);
            // A random minute is rarely due, so the next due minute is compared as well.
            let next = theirs.find_next_occurrence(&time, true).expect("it comes");
            let before = next - jiff::Span::new().minutes(1);
            let second = next - jiff::Span::new().seconds(1);
            for time in [time, next, before, second] {
                prop_assert_eq!(
                    is_due(&ours, time),
                    theirs.is_time_matching(&time).expect("a time"),
                    "`{}` at {}", &text, time
                );
            }
        }
    }
}
