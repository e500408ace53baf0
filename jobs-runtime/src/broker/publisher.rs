//! A batch of messages with their confirms.

use std::time::Duration;

use futures_util::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};

use super::connection::{BrokerError, BrokerErrorKind, CALL_TIMEOUT, channel, within};

/// The longest wait for the confirms of a batch, in real time. The time in which the broker blocks
/// publishers does not count.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(30);

/// The interval between two looks at a connection that has not confirmed everything.
const LOOK: Duration = Duration::from_millis(250);

/// A channel with publisher confirms.
pub(super) struct Publisher<'c> {
    connection: &'c Connection,
    channel: Channel,
    exchange: String,
}

/// A message to publish.
pub(super) struct Outgoing {
    pub(super) routing_key: String,
    pub(super) body: Vec<u8>,
    pub(super) properties: BasicProperties,
}

/// The broker's answer to one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Published {
    /// It is in a broker queue.
    Confirmed,
    /// No broker queue is bound to its routing key.
    Returned,
    /// The broker could not take it.
    Refused,
}

impl<'c> Publisher<'c> {
    pub(super) async fn open(
        connection: &'c Connection,
        exchange: String,
    ) -> Result<Self, BrokerError> {
        let channel = channel(connection).await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        within(CALL_TIMEOUT, "publisher confirms", confirms).await?;
        Ok(Self {
            connection,
            channel,
            exchange,
        })
    }

    /// Publishes messages, and returns the broker's answers in order. `blocked` is told when the
    /// broker blocks this connection, and when it does not any more.
    ///
    /// # Errors
    /// The connection or the channel broke, or the confirms did not come in time. Then any part of
    /// the batch may have been published.
    pub(super) async fn publish(
        &self,
        batch: &[Outgoing],
        mut blocked: impl FnMut(bool),
    ) -> Result<Vec<Published>, BrokerError> {
        let publishing = async {
            let mut confirms = Vec::with_capacity(batch.len());
            for message in batch {
                let options = BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                };
                let sent = self.channel.basic_publish(
                    self.exchange.as_str().into(),
                    message.routing_key.as_str().into(),
                    options,
                    &message.body,
                    message.properties.clone(),
                );
                confirms.push(sent.await?);
            }
            let confirmed: Result<Vec<_>, lapin::Error> =
                join_all(confirms).await.into_iter().collect();
            confirmed
        };
        tokio::pin!(publishing);
        let mut waited = Duration::ZERO;
        loop {
            tokio::select! {
                answers = &mut publishing => {
                    blocked(false);
                    return Ok(answers?.into_iter().map(Published::from).collect());
                }
                () = tokio::time::sleep(LOOK) => {}
            }
            let is_blocked = self.connection.status().blocked();
            blocked(is_blocked);
            if !is_blocked {
                waited += LOOK;
            }
            if waited >= CONFIRM_TIMEOUT {
                return Err(BrokerError {
                    kind: BrokerErrorKind::Timeout,
                    reason: format!("no confirms within {CONFIRM_TIMEOUT:?}"),
                });
            }
        }
    }
}

impl From<Confirmation> for Published {
    fn from(confirmation: Confirmation) -> Self {
        match confirmation {
            Confirmation::Ack(None) => Self::Confirmed,
            Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => Self::Returned,
            Confirmation::Nack(None) | Confirmation::NotRequested => Self::Refused,
        }
    }
}
