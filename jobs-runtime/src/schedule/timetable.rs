//! The times of a cron expression in a time zone.
//!
//! The expression is read on the local calendar, and each local time becomes one instant:
//!
//! * a time that the clock skips runs right after the gap;
//! * a time that comes twice runs the first time.
//!
//! The rules of time zones come with this crate. So every process computes the same times, also on
//! a machine without a database of time zones.

use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use jobs::ScheduleRule;
use jobs::runtime::{Cron, expand_cron};

use crate::time::Timestamp;

/// The times of a schedule.
#[derive(Clone, Debug)]
pub struct Timetable {
    cron: croner::Cron,
    zone: TimeZone,
}

/// A rule that cannot be evaluated. The text says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimetableError {
    /// The cron expression is invalid.
    #[error("{0}")]
    Cron(String),
    /// The time zone is unknown.
    #[error("{0}")]
    Timezone(String),
}

impl Timetable {
    /// Prepares a rule for evaluation.
    ///
    /// # Errors
    /// The cron expression is invalid, or the time zone is unknown.
    pub fn new(rule: &ScheduleRule) -> Result<Self, TimetableError> {
        let invalid = |error: String| TimetableError::Cron(error);
        let checked = Cron::parse(&rule.cron).map_err(|error| invalid(error.to_string()))?;
        let fields = expand_cron(&rule.cron).map_err(|error| invalid(error.to_string()))?;
        let cron = CronParser::builder()
            .seconds(Seconds::Optional)
            .year(Year::Disallowed)
            .dom_and_dow(!checked.is_either_day())
            .build()
            .parse(fields)
            .map_err(|error| invalid(error.to_string()))?;
        jobs::runtime::check_timezone(&rule.timezone).map_err(TimetableError::Timezone)?;
        let zone = TimeZoneDatabase::bundled()
            .get(&rule.timezone)
            .map_err(|error| TimetableError::Timezone(error.to_string()))?;
        Ok(Self { cron, zone })
    }

    /// Returns the first time after `after`, or `None` if there is none before the year 5000.
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        let instant = jiff::Timestamp::from_millisecond(after.as_millis()).ok()?;
        let local = self.zone.to_datetime(instant);
        let mut local = local.with().subsec_nanosecond(0).build().ok()?;
        loop {
            // A local time that comes twice is before `after` when it comes the second time, so
            // the search goes on behind it.
            local = self.cron.find_next_occurrence(&local, false).ok()?;
            let time = self.instant(local)?;
            if time > after {
                return Some(time);
            }
        }
    }

    /// Returns the first `count` times after `after`.
    pub fn upcoming(&self, after: Timestamp, count: usize) -> Vec<Timestamp> {
        let times = std::iter::successors(Some(after), |last| self.next_after(*last));
        times.skip(1).take(count).collect()
    }

    /// The instant of a local time.
    fn instant(&self, local: DateTime) -> Option<Timestamp> {
        let instant = match self.zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local),
            AmbiguousOffset::Gap { after, .. } => {
                // By the later offset, a skipped time is before the change of the clock.
                let before = after.to_timestamp(local).ok()?;
                let mut changes = self.zone.following(before);
                Ok(changes.find(|change| change.offset() == after)?.timestamp())
            }
        };
        Some(Timestamp::from_millis(instant.ok()?.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(cron: &str, timezone: &str, after: &str, count: usize) -> Vec<String> {
        let rule = ScheduleRule {
            timezone: timezone.to_owned(),
            ..ScheduleRule::new(cron)
        };
        let timetable = Timetable::new(&rule).expect(cron);
        let times = timetable.upcoming(after.parse().expect(after), count);
        times
            .iter()
            .map(|time| time.to_string().replace(":00.000Z", "Z"))
            .collect()
    }

    #[test]
    fn a_skipped_time_runs_right_after_the_gap() {
        // On 31 March 2024 the clock of Paris went from 02:00 to 03:00, at 01:00 UTC.
        assert_eq!(
            times("30 2 * * *", "Europe/Paris", "2024-03-29T12:00:00Z", 4),
            [
                "2024-03-30T01:30Z",
                "2024-03-31T01:00Z",
                "2024-04-01T00:30Z",
                "2024-04-02T00:30Z"
            ]
        );
        // All skipped times fall on one instant, which is one time.
        assert_eq!(
            times("*/30 * * * *", "Europe/Paris", "2024-03-31T00:00:00Z", 3),
            [
                "2024-03-31T00:30Z",
                "2024-03-31T01:00Z",
                "2024-03-31T01:30Z"
            ]
        );
        // Samoa skipped the whole 30 December 2011.
        assert_eq!(
            times("0 12 * * *", "Pacific/Apia", "2011-12-29T00:00:00Z", 3),
            [
                "2011-12-29T22:00Z",
                "2011-12-30T10:00Z",
                "2011-12-30T22:00Z"
            ]
        );
        // Santiago skips midnight.
        assert_eq!(
            times("@daily", "America/Santiago", "2024-09-07T05:00:00Z", 2),
            ["2024-09-08T04:00Z", "2024-09-09T03:00Z"]
        );
    }

    #[test]
    fn a_repeated_time_runs_once() {
        // On 27 October 2024 the clock of Paris went from 03:00 back to 02:00, at 01:00 UTC.
        assert_eq!(
            times("30 2 * * *", "Europe/Paris", "2024-10-26T12:00:00Z", 2),
            ["2024-10-27T00:30Z", "2024-10-28T01:30Z"]
        );
        assert_eq!(
            times("*/30 * * * *", "Europe/Paris", "2024-10-27T00:00:00Z", 3),
            [
                "2024-10-27T00:30Z",
                "2024-10-27T02:00Z",
                "2024-10-27T02:30Z"
            ]
        );
        // The clock of Lord Howe changes by half an hour.
        assert_eq!(
            times(
                "45 1 * * *",
                "Australia/Lord_Howe",
                "2024-04-06T00:00:00Z",
                2
            ),
            ["2024-04-06T14:45Z", "2024-04-07T15:15Z"]
        );
    }

    #[test]
    fn days_that_not_every_month_has_are_left_out() {
        assert_eq!(
            times("0 0 29 2 *", "UTC", "2024-03-01T00:00:00Z", 2),
            ["2028-02-29T00:00Z", "2032-02-29T00:00Z"]
        );
        assert_eq!(
            times("0 0 31 * *", "UTC", "2024-01-31T00:00:00Z", 3),
            [
                "2024-03-31T00:00Z",
                "2024-05-31T00:00Z",
                "2024-07-31T00:00Z"
            ]
        );
        assert_eq!(
            times("0 0 L 2 *", "UTC", "2023-01-01T00:00:00Z", 2),
            ["2023-02-28T00:00Z", "2024-02-29T00:00Z"]
        );
        // February has a fifth Monday only if it begins with one and is leap.
        assert_eq!(
            times("0 0 * 2 MON#5", "UTC", "2024-01-01T00:00:00Z", 2),
            ["2044-02-29T00:00Z", "2072-02-29T00:00Z"]
        );
        assert_eq!(
            times("0 0 * * MON#5", "UTC", "2024-01-01T00:00:00Z", 3),
            [
                "2024-01-29T00:00Z",
                "2024-04-29T00:00Z",
                "2024-07-29T00:00Z"
            ]
        );
    }

    #[test]
    fn seconds_and_fractions_of_them_are_exact() {
        let rule = ScheduleRule::new("*/20 * * * * *");
        let timetable = Timetable::new(&rule).expect("a rule");
        let next = |millis| timetable.next_after(Timestamp::from_millis(millis));
        assert_eq!(next(0), Some(Timestamp::from_millis(20_000)));
        assert_eq!(next(19_999), Some(Timestamp::from_millis(20_000)));
        assert_eq!(next(20_001), Some(Timestamp::from_millis(40_000)));
        assert_eq!(next(-1), Some(Timestamp::from_millis(0)));
    }

    #[test]
    fn an_invalid_rule_says_what_is_wrong() {
        let error = Timetable::new(&ScheduleRule::new("60 * * * *")).expect_err("no minute");
        assert!(matches!(&error, TimetableError::Cron(text) if text.contains("0 to 59")));
        let rule = ScheduleRule {
            timezone: "Paris".to_owned(),
            ..ScheduleRule::new("@daily")
        };
        let error = Timetable::new(&rule).expect_err("no zone");
        assert!(matches!(&error, TimetableError::Timezone(text) if text.contains("Europe/Paris")));
    }
}
