//! Dead letters: messages that no consumer could read, and the commands about them.

use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::types::AMQPValue;
use lapin::{BasicProperties, Channel, Connection};
use serde::Serialize;

use super::config::BrokerConfig;
use super::connection::{BrokerError, CALL_TIMEOUT, channel, close, connect, within};
use super::message::Message;
use super::names::Names;
use super::publisher::{Outgoing, Published, Publisher};
use super::topology;

/// The most characters of a body that are shown.
const SHOWN: usize = 200;

/// A message in the broker queue of dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetter {
    /// The routing key under which it was published.
    pub(crate) routing_key: String,
    /// The broker queue that it left.
    pub(crate) broker_queue: String,
    /// The reason why no consumer could read it.
    pub(crate) reason: String,
    /// The beginning of its body.
    pub(crate) body: String,
}

/// Reads up to `limit` dead letters, oldest first. They stay where they are.
pub(crate) async fn list(
    config: &BrokerConfig,
    limit: usize,
) -> Result<Vec<DeadLetter>, BrokerError> {
    with_connection(config, async |connection, names| {
        let channel = channel(connection).await?;
        let mut letters = Vec::new();
        while letters.len() < limit {
            match get(&channel, names).await? {
                Some(message) => letters.push(dead_letter(&message)),
                None => break,
            }
        }
        // The messages are not acknowledged: they go back with the end of the channel.
        Ok(letters)
    })
    .await
}

/// Publishes up to `limit` dead letters again, under their old routing keys. Returns how many.
///
/// # Errors
/// The broker's. What was published before the error has left the dead letters; one message may be
/// in both places.
pub(crate) async fn requeue(config: &BrokerConfig, limit: usize) -> Result<usize, BrokerError> {
    with_connection(config, async |connection, names| {
        let channel = channel(connection).await?;
        let publisher = Publisher::open(connection, names.exchange()).await?;
        let mut count = 0;
        // Not more than there are now: a message may come back at once.
        let present = topology::look_up(connection, &names.dead_queue()).await?;
        let present = present.map_or(0, |queue| queue.message_count());
        let limit = limit.min(usize::try_from(present).unwrap_or(usize::MAX));
        while count < limit {
            let Some(message) = get(&channel, names).await? else {
                break;
            };
            let routing_key = dead_letter(&message).routing_key;
            let outgoing = Outgoing {
                routing_key: routing_key.clone(),
                body: message.delivery.data.clone(),
                properties: without_history(&message),
            };
            let answers = publisher.publish(&[outgoing], |_| {}).await?;
            if answers != [Published::Confirmed] {
                return Err(BrokerError::topology(format!(
                    "the broker took no message for the routing key `{routing_key}`"
                )));
            }
            acknowledge(&message).await?;
            count += 1;
        }
        Ok(count)
    })
    .await
}

/// Deletes up to `limit` dead letters, oldest first. Returns how many.
pub(crate) async fn drop_letters(
    config: &BrokerConfig,
    limit: usize,
) -> Result<usize, BrokerError> {
    with_connection(config, async |connection, names| {
        let channel = channel(connection).await?;
        let mut count = 0;
        while count < limit {
            let Some(message) = get(&channel, names).await? else {
                break;
            };
            acknowledge(&message).await?;
            count += 1;
        }
        Ok(count)
    })
    .await
}

async fn with_connection<T>(
    config: &BrokerConfig,
    work: impl AsyncFnOnce(&Connection, &Names) -> Result<T, BrokerError>,
) -> Result<T, BrokerError> {
    let connection = connect(config, "dead letters").await?;
    let names = Names::new(&config.prefix);
    let done = match topology::declare_exchanges(&connection, &names).await {
        Ok(()) => work(&connection, &names).await,
        Err(error) => Err(error),
    };
    close(&connection).await;
    done
}

async fn get(channel: &Channel, names: &Names) -> Result<Option<BasicGetMessage>, BrokerError> {
    let got = channel.basic_get(
        names.dead_queue().as_str().into(),
        BasicGetOptions::default(),
    );
    within(CALL_TIMEOUT, "a dead letter", got).await
}

async fn acknowledge(message: &BasicGetMessage) -> Result<(), BrokerError> {
    let acknowledged = message.delivery.acker.ack(BasicAckOptions::default());
    within(CALL_TIMEOUT, "an acknowledgement", acknowledged).await?;
    Ok(())
}

fn dead_letter(message: &BasicGetMessage) -> DeadLetter {
    let body = &message.delivery.data;
    let text = String::from_utf8_lossy(body);
    DeadLetter {
        routing_key: history(message, "routing-keys")
            .unwrap_or_else(|| message.delivery.routing_key.to_string()),
        broker_queue: history(message, "queue").unwrap_or_default(),
        reason: match Message::decode(body) {
            Ok(_) => history(message, "reason").unwrap_or_else(|| "unknown".to_owned()),
            Err(reason) => reason,
        },
        body: text.chars().take(SHOWN).collect(),
    }
}

/// A text of the broker's record of the first time that a message was dead-lettered (`x-death`).
fn history(message: &BasicGetMessage, field: &str) -> Option<String> {
    let headers = message.delivery.properties.headers().as_ref()?;
    let AMQPValue::FieldArray(deaths) = headers.inner().get("x-death")? else {
        return None;
    };
    let AMQPValue::FieldTable(death) = deaths.as_slice().last()? else {
        return None;
    };
    match death.inner().get(field)? {
        AMQPValue::FieldArray(texts) => text(texts.as_slice().first()?),
        value => text(value),
    }
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The properties of a message without the broker's record, which ends with the requeue.
fn without_history(message: &BasicGetMessage) -> BasicProperties {
    message
        .delivery
        .properties
        .clone()
        .with_headers(Default::default())
}
