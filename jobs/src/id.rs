//! Execution ids: making, parsing and printing them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Identifies one execution, from its enqueue to the end of its retention.
///
/// The id is a UUID of version 7 (RFC 9562): an id with a later timestamp sorts later, so new rows
/// go to the end of an index. The id is the same in every attempt. Pass it to outside systems as
/// the idempotency key.
///
/// ```
/// let id: jobs::ExecutionId = "0199c0de-0000-7000-8000-000000000001".parse()?;
/// assert_eq!(id.to_string(), "0199c0de-0000-7000-8000-000000000001");
/// # Ok::<(), jobs::ParseExecutionIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ExecutionId(Uuid);

impl JsonSchema for ExecutionId {
    fn schema_name() -> Cow<'static, str> {
        "ExecutionId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "uuid"})
    }
}

impl ExecutionId {
    /// Builds an id from a time and 74 of the 80 random bits; for runtimes.
    ///
    /// The caller supplies both. A test with a fixed clock and a fixed seed therefore gets the
    /// same ids in every run.
    pub fn from_parts(at: SystemTime, random: [u8; 10]) -> Self {
        let millis = at
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO)
            .as_millis();
        let millis = u64::try_from(millis).unwrap_or(u64::MAX);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Builds an id with the time of this one and 74 of the 80 other bits; for runtimes.
    pub fn with_random(self, random: [u8; 10]) -> Self {
        let [a, b, c, d, e, f, ..] = *self.as_bytes();
        let millis = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The number of shards.
    pub const SHARDS: u16 = 1_024;

    /// Returns the id with this shard, from 0 to [`SHARDS`](Self::SHARDS) - 1; for runtimes. Larger
    /// numbers wrap around.
    ///
    /// The shard replaces ten of the random bits, the first ones after the variant of the UUID.
    ///
    /// ```
    /// # let id: jobs::ExecutionId = "0199c0de-0000-7000-8000-000000000001".parse()?;
    /// assert_eq!(id.with_shard(1_023).shard(), 1_023);
    /// # Ok::<(), jobs::ParseExecutionIdError>(())
    /// ```
    pub fn with_shard(self, shard: u16) -> Self {
        let [high, low] = (shard % Self::SHARDS).to_be_bytes();
        let mut bytes = *self.as_bytes();
        bytes[8] = bytes[8] & 0b1100_0000 | high << 4 | low >> 4;
        bytes[9] = bytes[9] & 0b0000_1111 | low << 4;
        Self::from_bytes(bytes)
    }

    /// The shard of the id. Executions that share a key share a shard, so that one database can
    /// hold all of them.
    pub fn shard(&self) -> u16 {
        let bytes = self.as_bytes();
        u16::from(bytes[8] & 0b0011_1111) << 4 | u16::from(bytes[9] >> 4)
    }

    /// The 16 bytes of the id, as stores keep them.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id with these bytes; the inverse of [`as_bytes`](Self::as_bytes).
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The error for a text that is not an execution id.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an execution id")]
pub struct ParseExecutionIdError(String);

impl FromStr for ExecutionId {
    type Err = ParseExecutionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| ParseExecutionIdError(text.to_owned()))
    }
}

impl TryFrom<String> for ExecutionId {
    type Error = ParseExecutionIdError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ExecutionId> for String {
    fn from(id: ExecutionId) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_ids_sort_later() {
        let early = ExecutionId::from_parts(UNIX_EPOCH + Duration::from_millis(5), [0xff; 10]);
        let late = ExecutionId::from_parts(UNIX_EPOCH + Duration::from_millis(6), [0; 10]);
        assert!(early < late);
        assert_eq!(early.to_string().as_bytes()[14], b'7');
    }

    #[test]
    fn a_shard_changes_ten_bits_and_no_other() {
        for random in [[0; 10], [0xff; 10], [0xa5; 10]] {
            let id = ExecutionId::from_parts(UNIX_EPOCH + Duration::from_millis(5), random);
            for shard in [0, 1, 15, 16, 512, 1_023] {
                let moved = id.with_shard(shard);
                assert_eq!(moved.shard(), shard, "{moved}");
                assert_eq!(moved.with_shard(id.shard()), id);
                let uuid = Uuid::from_bytes(*moved.as_bytes());
                assert_eq!(uuid.get_version_num(), 7, "{moved}");
                assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122, "{moved}");
            }
            assert_eq!(id.with_shard(1_024).shard(), 0);
        }
    }
}
