//! Schedules of a job: the constants that the attribute generates, and their published form.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

pub use jobs_grammar::schedule::{CatchUp, MAX_CATCH_UP, Overlap};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The time zone of a schedule that names none.
pub const DEFAULT_TIMEZONE: &str = "UTC";

/// The rule of a schedule as plain data: its times, and what happens when they cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduleRule {
    /// The cron expression: five fields, or six with seconds.
    pub cron: String,
    /// The time zone in which the expression is read: a name of the IANA database.
    #[serde(default = "default_timezone")]
    pub timezone: String,
    /// The treatment of times that came while no scheduler ran.
    #[serde(default, serialize_with = "to_text", deserialize_with = "from_text")]
    #[schemars(with = "String")]
    pub catch_up: CatchUp,
    /// The treatment of a time while an execution of the schedule is live.
    #[serde(default, serialize_with = "to_text", deserialize_with = "from_text")]
    #[schemars(with = "String")]
    pub overlap: Overlap,
    /// The longest delay of a run behind its time, in milliseconds. Each time has a delay of its
    /// own, the same in every process.
    #[serde(default)]
    pub jitter_ms: u64,
}

impl ScheduleRule {
    /// Creates a rule in UTC with every option at its default.
    pub fn new(cron: impl Into<String>) -> Self {
        Self {
            cron: cron.into(),
            timezone: default_timezone(),
            catch_up: CatchUp::default(),
            overlap: Overlap::default(),
            jitter_ms: 0,
        }
    }
}

fn default_timezone() -> String {
    DEFAULT_TIMEZONE.to_owned()
}

fn to_text<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err = String>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(de::Error::custom)
}

/// A schedule of a job, as the attribute declares it.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    cron: &'static str,
    timezone: &'static str,
    catch_up: CatchUp,
    overlap: Overlap,
    jitter: Duration,
}

impl Schedule {
    /// Creates a schedule in UTC with every option at its default.
    pub const fn new(cron: &'static str) -> Self {
        Self {
            cron,
            timezone: DEFAULT_TIMEZONE,
            catch_up: CatchUp::One,
            overlap: Overlap::Skip,
            jitter: Duration::ZERO,
        }
    }

    /// Sets the time zone.
    #[must_use]
    pub const fn timezone(self, timezone: &'static str) -> Self {
        Self { timezone, ..self }
    }

    /// Sets the treatment of missed times.
    #[must_use]
    pub const fn catch_up(self, catch_up: CatchUp) -> Self {
        Self { catch_up, ..self }
    }

    /// Sets the treatment of a time while an execution is live.
    #[must_use]
    pub const fn overlap(self, overlap: Overlap) -> Self {
        Self { overlap, ..self }
    }

    /// Sets the longest delay of a run behind its time.
    #[must_use]
    pub const fn jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    pub(crate) fn publish(&self) -> ScheduleRule {
        ScheduleRule {
            cron: self.cron.to_owned(),
            timezone: self.timezone.to_owned(),
            catch_up: self.catch_up,
            overlap: self.overlap,
            jitter_ms: u64::try_from(self.jitter.as_millis()).unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CatchUp, Overlap, ScheduleRule};

    #[test]
    fn a_rule_is_read_with_its_defaults() {
        let rule: ScheduleRule = serde_json::from_str(r#"{"cron":"@daily"}"#).expect("a rule");
        assert_eq!(rule, ScheduleRule::new("@daily"));
        let rule = ScheduleRule {
            timezone: "Europe/Paris".to_owned(),
            catch_up: CatchUp::All(3),
            overlap: Overlap::Queue,
            jitter_ms: 30_000,
            ..rule
        };
        let text = serde_json::to_string(&rule).expect("text");
        assert!(
            text.contains(r#""catchUp":"all(3)","overlap":"queue""#),
            "{text}"
        );
        assert_eq!(
            serde_json::from_str::<ScheduleRule>(&text).expect("a rule"),
            rule
        );
    }
}
