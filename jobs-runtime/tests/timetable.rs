//! Times of schedules, compared with a program in another language that walks every minute.
//!
//! The program `timetable.py` uses Python's `zoneinfo` and a reading of cron of its own. Without
//! Python or its database of zones, the comparison says so and passes.

#![expect(clippy::unwrap_used, reason = "an error fails the test")]
#![expect(clippy::print_stderr, reason = "tells that nothing was compared")]

use std::io::Write as _;
use std::process::{Command, Stdio};

use jobs::ScheduleRule;
use jobs_runtime::Timetable;
use jobs_runtime::time::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

/// Zones of both hemispheres, with changes by an hour and by half an hour, at midnight, and none.
const ZONES: [&str; 10] = [
    "Europe/Paris",
    "Australia/Lord_Howe",
    "America/Santiago",
    "America/New_York",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "Asia/Kolkata",
    "Asia/Beirut",
    "Pacific/Auckland",
    "Antarctica/Troll",
];

const CRONS: [&str; 8] = [
    "30 2 * * *",
    "*/20 0-3 * * *",
    "0 0 * * *",
    "45 1 * * 0",
    "0 0 29 2 *",
    "0 12 31 * *",
    "15 2 L * *",
    "5 0 * 3,10 0#L,1#5",
];

fn rule(cron: &str, zone: &str) -> ScheduleRule {
    ScheduleRule {
        timezone: zone.to_owned(),
        ..ScheduleRule::new(cron)
    }
}

fn start_of(year: i16) -> i64 {
    let date = jiff::civil::date(year, 1, 1).at(0, 0, 0, 0);
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
    zoned.timestamp().as_second()
}

/// The times from `from` to `to`, in minutes.
fn minutes(cron: &str, zone: &str, from: i64, to: i64) -> Vec<i64> {
    let timetable = Timetable::new(&rule(cron, zone)).unwrap();
    let first = Timestamp::from_millis(from * 1_000 - 1);
    let times = std::iter::successors(Some(first), |last| timetable.next_after(*last));
    times
        .skip(1)
        .map(|time| time.as_millis() / 60_000)
        .take_while(|minute| *minute < to / 60)
        .collect()
}

#[test]
fn times_agree_with_a_program_that_walks_every_minute() {
    let full = std::env::var("JOBS_TEST_TIER").is_ok_and(|tier| tier == "full");
    let (zones, from, to) = if full {
        (&ZONES[..], start_of(2000), start_of(2040))
    } else {
        (&ZONES[..3], start_of(2024), start_of(2025))
    };
    let task = serde_json::json!({ "zones": zones, "crons": CRONS, "from": from, "to": to });
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/timetable.py");
    let child = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("python3 is not installed: nothing was compared");
        return;
    };
    let mut input = child.stdin.take().unwrap();
    input.write_all(task.to_string().as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    if output.status.code() == Some(3) {
        eprintln!("python3 has no database of time zones: nothing was compared");
        return;
    }
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    for zone in zones {
        for cron in CRONS {
            let theirs: Vec<i64> = serde_json::from_str(lines.next().unwrap()).unwrap();
            let ours = minutes(cron, zone, from, to);
            let differing = ours.iter().filter(|it| !theirs.contains(it)).take(3);
            let missing = theirs.iter().filter(|it| !ours.contains(it)).take(3);
            assert!(
                ours == theirs,
                "`{cron}` in {zone}: only ours {:?}, only theirs {:?} (minutes since 1970)",
                differing.collect::<Vec<_>>(),
                missing.collect::<Vec<_>>()
            );
        }
    }
    assert_eq!(lines.next(), None);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// Times grow, and the next time does not depend on the moment from which it is searched.
    #[test]
    fn times_grow_and_do_not_depend_on_the_start(
        zone in select(ZONES.to_vec()),
        cron in select(CRONS.to_vec()),
        start in 946_684_800_000..2_208_988_800_000_i64,
        part in 0.0..1.0_f64,
    ) {
        let timetable = Timetable::new(&rule(cron, zone)).unwrap();
        let start = Timestamp::from_millis(start);
        let times = timetable.upcoming(start, 4);
        prop_assert_eq!(times.len(), 4);
        prop_assert!(times[0] > start);
        prop_assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", &times);
        let gap = times[1].since(times[0]);
        let between = times[0].after(gap.mul_f64(part));
        prop_assert_eq!(timetable.next_after(between.min(times[1].before(
            std::time::Duration::from_millis(1)
        ))), Some(times[1]));
    }

    /// A time in UTC matches its expression, and no earlier minute does.
    #[test]
    fn every_time_is_a_match_of_the_expression(
        cron in select(CRONS.to_vec()),
        start in 946_684_800_000..2_208_988_800_000_i64,
    ) {
        let timetable = Timetable::new(&rule(cron, "UTC")).unwrap();
        let parsed = jobs::runtime::Cron::parse(cron).unwrap();
        let time = timetable.next_after(Timestamp::from_millis(start)).unwrap();
        let civil = |millis: i64| {
            let at = jiff::Timestamp::from_millisecond(millis).unwrap();
            let at = jiff::tz::TimeZone::UTC.to_datetime(at);
            let number = |value: i8| u32::try_from(value).unwrap();
            jobs::runtime::CivilTime {
                year: at.year().into(),
                month: number(at.month()),
                day: number(at.day()),
                hour: number(at.hour()),
                minute: number(at.minute()),
                second: number(at.second()),
            }
        };
        prop_assert!(parsed.is_due(civil(time.as_millis())));
        let first = start.div_euclid(60_000) + 1;
        let last = time.as_millis() / 60_000;
        for minute in first.max(last - 3_000)..last {
            prop_assert!(!parsed.is_due(civil(minute * 60_000)), "minute {}", minute);
        }
    }
}
