//! Timestamps, as stores keep them and JSON shows them.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The Unix epoch.
const EPOCH: jiff::civil::DateTime = jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The first and the last millisecond that RFC 3339 can write.
const FIRST_MILLIS: i64 = -62_167_219_200_000;
const LAST_MILLIS: i64 = 253_402_300_799_999;

/// A point in time: milliseconds since the Unix epoch in stores, RFC 3339 in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// A timestamp of `millis` milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The timestamp `duration` later, or the latest possible one instead of an overflow.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The timestamp `duration` earlier, or the earliest possible one instead of an overflow.
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// The duration since `earlier`; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// Whole milliseconds, as stores keep durations.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => Self(millis(since)),
            Err(before) => Self(-millis(before.duration())),
        }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        let distance = Duration::from_millis(time.0.unsigned_abs());
        let moved = if time.0 < 0 {
            UNIX_EPOCH.checked_sub(distance)
        } else {
            UNIX_EPOCH.checked_add(distance)
        };
        moved.unwrap_or(UNIX_EPOCH)
    }
}

/// RFC 3339 in UTC, with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Times outside of the years 0 to 9999 cannot be written: the nearest one stands for them.
        let written = self.0.clamp(FIRST_MILLIS, LAST_MILLIS);
        let time = EPOCH.saturating_add(jiff::SignedDuration::from_millis(written));
        write!(f, "{time:.3}Z")
    }
}

impl std::str::FromStr for Timestamp {
    type Err = ParseTimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|time| Self(time.as_millisecond()))
            .ok()
            .or_else(|| last_days(text))
            .ok_or_else(|| ParseTimestampError(text.to_owned()))
    }
}

/// Reads a time in UTC that the calendar's library takes for too late, because it could not be
/// written in every time zone: the last two days of the year 9999.
fn last_days(text: &str) -> Option<Timestamp> {
    let utc = ["Z", "z", "+00:00"];
    let time = utc.iter().find_map(|zone| text.strip_suffix(zone))?;
    let time: jiff::civil::DateTime = time.parse().ok()?;
    let since = i64::try_from(time.duration_since(EPOCH).as_millis()).ok()?;
    (since > jiff::Timestamp::MAX.as_millisecond()).then_some(Timestamp(since))
}

/// The error of a text that is not an RFC 3339 timestamp.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time: write it as 2030-01-31T12:00:00Z")]
pub struct ParseTimestampError(String);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_and_reads_rfc_3339() {
        let time = Timestamp::from_millis(1_700_000_000_120);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.120Z");
        assert_eq!(time.to_string().parse::<Timestamp>().ok(), Some(time));
        assert_eq!(
            "2023-11-14T23:13:20.12+01:00".parse::<Timestamp>().ok(),
            Some(time)
        );
    }

    #[test]
    fn every_time_is_written_as_rfc_3339() {
        for (millis, written) in [
            (FIRST_MILLIS, "0000-01-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
            (LAST_MILLIS, "9999-12-31T23:59:59.999Z"),
        ] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(time.to_string(), written);
            assert_eq!(written.parse::<Timestamp>().ok(), Some(time));
        }
        for (beyond, nearest) in [(i64::MAX, LAST_MILLIS), (i64::MIN, FIRST_MILLIS)] {
            let nearest = Timestamp::from_millis(nearest).to_string();
            assert_eq!(Timestamp::from_millis(beyond).to_string(), nearest);
        }
        for wrong in [
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59",
            "2030-01-31Z",
            "Z",
        ] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn converts_both_ways() {
        for millis in [-1_500, 0, 1_700_000_000_120] {
            let time = Timestamp::from_millis(millis);
            assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        }
    }
}
