//! Connections to the broker with deadlines, and errors by kind.
//!
//! The driver's own recovery is off: relay and consumer connect again with a growing pause, and
//! declare what they need.

use std::fmt;
use std::time::Duration;

use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::{Channel, Connection, ConnectionProperties, ErrorKind};

use super::config::BrokerConfig;
use crate::Entropy;

/// The longest time of a call of the broker, in real time. Waits for confirms have their own.
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// The bounds of the pause before the next connection.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));

/// Opens a connection. `purpose` is part of the name that the broker shows.
pub(super) async fn connect(
    config: &BrokerConfig,
    purpose: &str,
) -> Result<Connection, BrokerError> {
    let name = format!("jobs {purpose} {}", std::process::id());
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connecting = Connection::connect_uri(config.uri.clone(), properties);
    within(CALL_TIMEOUT, "the connection", connecting).await
}

/// Closes a connection in good order, so that the broker logs no error.
pub(super) async fn close(connection: &Connection) {
    let closing = connection.close(200, "bye".into());
    // The connection is dropped in any case.
    let _ = within(CALL_TIMEOUT, "the end of the connection", closing).await;
}

/// Opens a channel.
pub(super) async fn channel(connection: &Connection) -> Result<Channel, BrokerError> {
    within(CALL_TIMEOUT, "a channel", connection.create_channel()).await
}

/// Awaits a call of the broker for a limited time.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    call: impl Future<Output = Result<T, lapin::Error>>,
) -> Result<T, BrokerError> {
    match tokio::time::timeout(limit, call).await {
        Ok(answer) => answer.map_err(BrokerError::from),
        Err(_) => Err(BrokerError {
            kind: BrokerErrorKind::Timeout,
            reason: format!("the broker did not answer within {limit:?}: {what}"),
        }),
    }
}

/// The pause before the next connection: it doubles after each failure.
#[derive(Debug)]
pub(super) struct Pause {
    next: Duration,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next: PAUSES.0 }
    }
}

impl Pause {
    /// A connection works.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The next pause, spread so that a fleet does not connect all at once.
    pub(super) fn take(&mut self, entropy: &Entropy) -> Duration {
        let pause = self.next.mul_f64(0.5 + entropy.fraction());
        self.next = (self.next * 2).min(PAUSES.1);
        pause
    }
}

/// An error of the broker, with its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct BrokerError {
    pub(super) kind: BrokerErrorKind,
    pub(super) reason: String,
}

/// The kind of an error of the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrokerErrorKind {
    /// The broker cannot be reached, or the connection broke.
    Connection,
    /// The broker sent no heartbeat in time.
    Heartbeat,
    /// The broker did not answer a call in time.
    Timeout,
    /// The broker refused the user.
    Access,
    /// An exchange or a broker queue is missing, or exists with other arguments.
    Topology,
    /// The broker closed a channel.
    Channel,
    /// The store failed.
    Store,
}

impl BrokerErrorKind {
    /// The name, for logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Heartbeat => "heartbeat",
            Self::Timeout => "timeout",
            Self::Access => "access",
            Self::Topology => "topology",
            Self::Channel => "channel",
            Self::Store => "store",
        }
    }
}

impl fmt::Display for BrokerErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl BrokerError {
    pub(super) fn topology(reason: String) -> Self {
        let kind = BrokerErrorKind::Topology;
        Self { kind, reason }
    }

    pub(super) fn channel(reason: &str) -> Self {
        Self {
            kind: BrokerErrorKind::Channel,
            reason: reason.to_owned(),
        }
    }

    pub(super) fn lost(reason: &str) -> Self {
        Self {
            kind: BrokerErrorKind::Connection,
            reason: reason.to_owned(),
        }
    }

    /// Returns the kind.
    pub fn kind(&self) -> BrokerErrorKind {
        self.kind
    }
}

impl From<crate::store::StoreError> for BrokerError {
    fn from(error: crate::store::StoreError) -> Self {
        Self {
            kind: BrokerErrorKind::Store,
            reason: crate::error::chain(&error).to_string(),
        }
    }
}

impl From<lapin::Error> for BrokerError {
    fn from(error: lapin::Error) -> Self {
        use BrokerErrorKind::{Access, Channel, Connection, Heartbeat, Topology};
        let (kind, reason) = match error.kind() {
            ErrorKind::MissingHeartbeatError => {
                (Heartbeat, "the broker sent no heartbeat".to_owned())
            }
            ErrorKind::ProtocolError(refused) => {
                let kind = match refused.kind() {
                    AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Access,
                    AMQPErrorKind::Soft(
                        AMQPSoftError::NOTFOUND | AMQPSoftError::PRECONDITIONFAILED,
                    ) => Topology,
                    AMQPErrorKind::Soft(_) => Channel,
                    AMQPErrorKind::Hard(_) => Connection,
                };
                (kind, refused.get_message().to_string())
            }
            ErrorKind::AuthProviderError(reason) => (Access, reason.clone()),
            ErrorKind::InvalidChannel(_) | ErrorKind::InvalidChannelState(..) => {
                (Channel, error.to_string())
            }
            _ => (Connection, error.to_string()),
        };
        Self { kind, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_bound() {
        let entropy = Entropy::seeded(1);
        let mut pause = Pause::default();
        let pauses: Vec<_> = (0..12).map(|_| pause.take(&entropy)).collect();
        assert!(pauses[0] < PAUSES.0 * 2, "{pauses:?}");
        assert!(
            pauses[11] >= PAUSES.1 / 2 && pauses[11] < PAUSES.1 * 2,
            "{pauses:?}"
        );
        pause.reset();
        assert!(pause.take(&entropy) < PAUSES.0 * 2);
    }
}
