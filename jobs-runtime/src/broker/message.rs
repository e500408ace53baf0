//! The message that names a ready execution, as JSON. It never carries the payload.

use jobs::ExecutionId;
use lapin::BasicProperties;
use serde::{Deserialize, Serialize};

/// The highest priority of a broker queue (`x-max-priority`).
pub(super) const MAX_PRIORITY: u8 = 10;

/// AMQP's delivery mode of messages that survive a restart of the broker.
const PERSISTENT: u8 = 2;

/// A message about a ready execution. Consumers ignore fields that they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) execution_id: ExecutionId,
    pub(super) job_id: String,
    /// The number of the attempt that the message is for.
    pub(super) attempt: u32,
    /// The priority, 0–100.
    pub(super) priority: u8,
}

impl Message {
    pub(super) fn encode(&self) -> Vec<u8> {
        // Texts and numbers: writing them into memory cannot fail.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads the body of a message.
    ///
    /// # Errors
    /// The reason, for people.
    pub(super) fn decode(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body)
            .map_err(|error| format!("not a message about an execution: {error}"))
    }

    pub(super) fn properties(&self) -> BasicProperties {
        BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(PERSISTENT)
            .with_priority(broker_priority(self.priority))
            .with_message_id(self.execution_id.to_string().into())
            .with_app_id("jobs".into())
    }
}

/// Maps a priority from 0 to 100 to one of the broker, from 0 to 10.
fn broker_priority(priority: u8) -> u8 {
    (priority / 10).min(MAX_PRIORITY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let message = Message {
            execution_id: ExecutionId::from_bytes([7; 16]),
            job_id: "mail.send".to_owned(),
            attempt: 2,
            priority: 75,
        };
        assert_eq!(Message::decode(&message.encode()), Ok(message.clone()));
        assert_eq!(message.properties().priority(), &Some(7));
        for body in ["", "{}", "[1]", r#"{"executionId":"x"}"#] {
            let reason = Message::decode(body.as_bytes()).expect_err(body);
            assert!(
                reason.starts_with("not a message about an execution"),
                "{reason}"
            );
        }
    }

    #[test]
    fn priorities_map_to_the_brokers_range() {
        assert_eq!(
            [0, 9, 10, 50, 99, 100].map(broker_priority),
            [0, 0, 1, 5, 9, 10]
        );
    }
}
