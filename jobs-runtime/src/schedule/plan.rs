//! The plan for the due times of a schedule: which of them run, and when the next one is due.

use std::collections::VecDeque;
use std::time::Duration;

use jobs::{CatchUp, Overlap};

use super::timetable::Timetable;
use crate::store::{ScheduleRecord, Skip};
use crate::time::Timestamp;

/// The lateness up to which a time runs although the schedule catches nothing up.
const ON_TIME: Duration = Duration::from_secs(60);

/// The first span of the search for the newest due times.
const FIRST_SPAN: Duration = Duration::from_secs(60);

/// The times of a schedule that are due, and what comes after them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The times, oldest first. A time with a reason does not run.
    pub(crate) times: Vec<(Timestamp, Option<Skip>)>,
    /// The end of the times that this plan considers.
    pub(crate) evaluated_until: Timestamp,
    /// The time at which the schedule is due next.
    pub(crate) due_at: Option<Timestamp>,
}

/// Plans the times of a schedule that are due at `now`.
///
/// Of several due times the newest ones run, as many as `catch_up` says. With
/// [`Overlap::Queue`] the oldest of these runs now and the others later, one after another.
pub(crate) fn plan(schedule: &ScheduleRecord, timetable: &Timetable, now: Timestamp) -> Plan {
    let rule = &schedule.rule;
    let times = Times {
        name: &schedule.name,
        jitter_ms: rule.jitter_ms,
        timetable,
    };
    let queues = rule.overlap == Overlap::Queue;
    let kept = match rule.catch_up {
        CatchUp::None | CatchUp::One => 1,
        CatchUp::All(count) => count as usize,
    };
    let (mut due, skipped) = times.newest_due(schedule.evaluated_until, now, kept);
    let mut planned = Vec::new();
    if let Some(newest) = skipped {
        let first = timetable.next_after(schedule.evaluated_until);
        let detail = match first {
            Some(first) if first < newest => format!(
                "no scheduler ran, or an execution was live, at this and earlier times since {first}"
            ),
            _ => "no scheduler ran, or an execution was live, at this time".to_owned(),
        };
        planned.push((newest, Some(Skip::new(Skip::MISSED, detail))));
    }
    if queues {
        due.truncate(1);
    }
    for time in due {
        let late = now.since(times.due_at(time));
        // A queued time is late because it has waited.
        let is_missed = rule.catch_up == CatchUp::None && late > ON_TIME && !queues;
        let skip = is_missed.then(|| {
            let detail = format!("no scheduler ran at this time, but {late:?} later");
            Skip::new(Skip::MISSED, detail)
        });
        planned.push((time, skip));
    }
    let last = planned.last().map(|(time, _)| *time);
    let evaluated_until = last.unwrap_or(schedule.evaluated_until);
    Plan {
        times: planned,
        evaluated_until,
        due_at: times.next_due(evaluated_until),
    }
}

/// Returns the time at which a schedule is due next, by its rule and what it has considered.
pub(crate) fn next_due(schedule: &ScheduleRecord, timetable: &Timetable) -> Option<Timestamp> {
    let times = Times {
        name: &schedule.name,
        jitter_ms: schedule.rule.jitter_ms,
        timetable,
    };
    times.next_due(schedule.evaluated_until)
}

/// The times of a schedule with their delays.
struct Times<'s> {
    name: &'s str,
    jitter_ms: u64,
    timetable: &'s Timetable,
}

impl Times<'_> {
    fn next_due(&self, after: Timestamp) -> Option<Timestamp> {
        self.timetable
            .next_after(after)
            .map(|time| self.due_at(time))
    }

    /// The time plus its delay. The delay depends on the schedule and the time only, so every
    /// process computes the same one. It ends before the next time.
    fn due_at(&self, time: Timestamp) -> Timestamp {
        if self.jitter_ms == 0 {
            return time;
        }
        let gap = match self.timetable.next_after(time) {
            Some(next) => u64::try_from(next.since(time).as_millis()).unwrap_or(u64::MAX),
            None => u64::MAX,
        };
        let longest = self.jitter_ms.min(gap.saturating_sub(1));
        let delay = hash(self.name, time) % longest.saturating_add(1).max(1);
        time.after(Duration::from_millis(delay))
    }

    /// Returns the newest `kept` times after `after` that are due at `now`, oldest first, and the
    /// newest of the due times before them.
    ///
    /// A schedule of seconds may have been down for a year, so the times are searched from the end,
    /// in growing spans.
    fn newest_due(
        &self,
        after: Timestamp,
        now: Timestamp,
        kept: usize,
    ) -> (VecDeque<Timestamp>, Option<Timestamp>) {
        let mut span = FIRST_SPAN;
        loop {
            let from = after.max(now.before(span));
            let found = self.walk(from, now, kept);
            if from == after || found.1.is_some() {
                return found;
            }
            span = span.saturating_mul(4);
        }
    }

    fn walk(
        &self,
        after: Timestamp,
        now: Timestamp,
        kept: usize,
    ) -> (VecDeque<Timestamp>, Option<Timestamp>) {
        let mut times = VecDeque::new();
        let mut skipped = None;
        let mut last = after;
        while let Some(time) = self.timetable.next_after(last) {
            if time > now || self.due_at(time) > now {
                break;
            }
            times.push_back(time);
            if times.len() > kept {
                skipped = times.pop_front();
            }
            last = time;
        }
        (times, skipped)
    }
}

/// FNV-1a over the name and the time, with a final mix (from MurmurHash3).
fn hash(name: &str, time: Timestamp) -> u64 {
    let time = time.as_millis().to_le_bytes();
    let bytes = name.bytes().chain(time);
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use jobs::ScheduleRule;

    use super::*;

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn schedule(change: impl FnOnce(&mut ScheduleRule)) -> ScheduleRecord {
        let mut rule = ScheduleRule::new("@hourly");
        change(&mut rule);
        ScheduleRecord {
            name: "job:1".to_owned(),
            job_id: "job".to_owned(),
            revision: 1,
            rule,
            payload: None,
            declared: None,
            overridden: false,
            paused_at: None,
            absent: None,
            evaluated_until: at(0),
            due_at: None,
            created_at: at(0),
            updated_at: at(0),
        }
    }

    /// The hours that run and those that do not, and the next hour.
    fn hours(schedule: &ScheduleRecord, now: i64) -> (Vec<i64>, Vec<i64>, i64) {
        let timetable = Timetable::new(&schedule.rule).expect("a rule");
        let plan = plan(schedule, &timetable, at(now));
        let hours = |runs: bool| {
            let times = plan.times.iter().filter(|(_, skip)| skip.is_none() == runs);
            times.map(|(time, _)| time.as_millis() / HOUR).collect()
        };
        let next = plan.due_at.expect("it goes on").as_millis();
        (hours(true), hours(false), next / HOUR)
    }

    #[test]
    fn the_newest_due_times_run() {
        let one = schedule(|_| {});
        assert_eq!(hours(&one, HOUR - 1), (vec![], vec![], 1));
        assert_eq!(hours(&one, HOUR), (vec![1], vec![], 2));
        assert_eq!(hours(&one, 5 * HOUR + 1), (vec![5], vec![4], 6));
        let all = schedule(|rule| rule.catch_up = CatchUp::All(3));
        assert_eq!(hours(&all, 5 * HOUR + 1), (vec![3, 4, 5], vec![2], 6));
        assert_eq!(hours(&all, 3 * HOUR), (vec![1, 2, 3], vec![], 4));
    }

    #[test]
    fn without_catch_up_a_time_runs_only_on_time() {
        let none = schedule(|rule| rule.catch_up = CatchUp::None);
        assert_eq!(hours(&none, HOUR + MINUTE), (vec![1], vec![], 2));
        assert_eq!(hours(&none, HOUR + MINUTE + 1), (vec![], vec![1], 2));
        assert_eq!(hours(&none, 3 * HOUR), (vec![3], vec![2], 4));
    }

    #[test]
    fn queued_times_run_one_after_another() {
        let queue = schedule(|rule| {
            rule.catch_up = CatchUp::All(10);
            rule.overlap = Overlap::Queue;
        });
        assert_eq!(hours(&queue, 3 * HOUR), (vec![1], vec![], 2));
        let queue = schedule(|rule| {
            rule.catch_up = CatchUp::None;
            rule.overlap = Overlap::Queue;
        });
        assert_eq!(hours(&queue, 3 * HOUR - 1), (vec![2], vec![1], 3));
    }

    #[test]
    fn years_of_missed_seconds_are_not_walked() {
        let seconds = schedule(|rule| {
            rule.cron = "* * * * * *".to_owned();
            rule.catch_up = CatchUp::All(2);
        });
        let timetable = Timetable::new(&seconds.rule).expect("a rule");
        let now = at(50 * 365 * 24 * HOUR);
        let plan = plan(&seconds, &timetable, now);
        assert_eq!(plan.evaluated_until, now);
        assert_eq!(plan.times.len(), 3);
    }

    #[test]
    fn a_delay_by_jitter_ends_before_the_next_time() {
        let hourly = schedule(|rule| rule.jitter_ms = 10 * 60_000);
        let timetable = Timetable::new(&hourly.rule).expect("a rule");
        let times = Times {
            name: "job:1",
            jitter_ms: hourly.rule.jitter_ms,
            timetable: &timetable,
        };
        let delays: Vec<i64> = (1..=100)
            .map(|hour| times.due_at(at(hour * HOUR)).as_millis() - hour * HOUR)
            .collect();
        assert!(delays.iter().all(|delay| (0..=10 * MINUTE).contains(delay)));
        assert!(delays.iter().any(|delay| *delay > 8 * MINUTE), "{delays:?}");
        assert!(delays.iter().any(|delay| *delay < 2 * MINUTE), "{delays:?}");
        let long = Times {
            jitter_ms: u64::MAX,
            ..times
        };
        assert!((1..=100).all(|hour| long.due_at(at(hour * HOUR)) < at((hour + 1) * HOUR)));
    }
}
