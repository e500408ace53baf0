//! Declarations of exchanges, broker queues and bindings.
//!
//! ```text
//!  relay ─▶ topic exchange `jobs` ── routing key ─▶ broker queue of the key ─▶ consumers
//!                                                        │ rejected
//!                       broker queue `jobs:dead` ◀── exchange `jobs:dead`
//! ```
//!
//! A declaration that already holds changes nothing. A user without the right to declare needs
//! objects that exist: they are then only looked up.

use std::collections::BTreeMap;

use lapin::options::{
    ExchangeDeclareOptions, ExchangeUnbindOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{Channel, Connection, ExchangeKind, Queue};

use super::connection::{BrokerError, BrokerErrorKind, CALL_TIMEOUT, channel, within};
use super::message::MAX_PRIORITY;
use super::names::Names;

/// Declares the exchanges and the broker queue of dead letters.
pub(super) async fn declare_exchanges(
    connection: &Connection,
    names: &Names,
) -> Result<(), BrokerError> {
    exchange(connection, names.exchange(), ExchangeKind::Topic).await?;
    exchange(connection, names.dead_exchange(), ExchangeKind::Fanout).await?;
    let queue = names.dead_queue();
    declare_queue(connection, &queue, FieldTable::default()).await?;
    bind(connection, &queue, &names.dead_exchange(), "").await
}

/// Declares the broker queue of a routing key, and binds it.
pub(super) async fn declare_key(
    connection: &Connection,
    names: &Names,
    routing_key: &str,
) -> Result<String, BrokerError> {
    let queue = names.queue(routing_key)?;
    let arguments = BTreeMap::from([
        (
            ShortString::from("x-max-priority"),
            AMQPValue::LongInt(MAX_PRIORITY.into()),
        ),
        (
            ShortString::from("x-dead-letter-exchange"),
            AMQPValue::LongString(names.dead_exchange().into()),
        ),
    ]);
    declare_queue(connection, &queue, arguments.into()).await?;
    bind(connection, &queue, &names.exchange(), routing_key).await?;
    Ok(queue)
}

/// Checks that the user may publish to an exchange. Changes nothing: it removes a binding that does
/// not exist. For that the broker asks for the right to write to `exchange`, and then for the right
/// to read from the other exchange.
///
/// # Errors
/// The user may not write to the exchange, or the connection broke. Any other refusal is no sign of
/// that.
pub(super) async fn check_may_publish(
    connection: &Connection,
    exchange: &str,
) -> Result<(), BrokerError> {
    let channel = channel(connection).await?;
    let unbound = channel.exchange_unbind(
        exchange.into(),
        "amq.topic".into(),
        "jobs:never-bound".into(),
        ExchangeUnbindOptions::default(),
        FieldTable::default(),
    );
    match within(CALL_TIMEOUT, exchange, unbound).await {
        Ok(()) => {
            end(&channel).await;
            Ok(())
        }
        Err(error) => match error.kind {
            BrokerErrorKind::Access if error.reason.contains(&format!("'{exchange}'")) => {
                Err(error)
            }
            BrokerErrorKind::Access | BrokerErrorKind::Topology | BrokerErrorKind::Channel => {
                Ok(())
            }
            _ => Err(error),
        },
    }
}

/// Looks a broker queue up. `None` if it does not exist.
pub(super) async fn look_up(
    connection: &Connection,
    queue: &str,
) -> Result<Option<Queue>, BrokerError> {
    let channel = channel(connection).await?;
    let passive = QueueDeclareOptions::durable().passive();
    let declared = channel.queue_declare(queue.into(), passive, FieldTable::default());
    match within(CALL_TIMEOUT, queue, declared).await {
        Ok(found) => {
            end(&channel).await;
            Ok(Some(found))
        }
        // The broker has closed the channel.
        Err(error) if error.kind == BrokerErrorKind::Topology => Ok(None),
        Err(error) => Err(error),
    }
}

async fn exchange(
    connection: &Connection,
    name: String,
    kind: ExchangeKind,
) -> Result<(), BrokerError> {
    let declare = async |passive: bool| {
        let channel = channel(connection).await?;
        let options = ExchangeDeclareOptions {
            durable: true,
            passive,
            ..ExchangeDeclareOptions::default()
        };
        let declared = channel.exchange_declare(
            name.as_str().into(),
            kind.clone(),
            options,
            FieldTable::default(),
        );
        within(CALL_TIMEOUT, &name, declared).await?;
        end(&channel).await;
        Ok(())
    };
    or_passively(&format!("exchange `{name}`"), declare).await
}

async fn declare_queue(
    connection: &Connection,
    name: &str,
    arguments: FieldTable,
) -> Result<(), BrokerError> {
    let declare = async |passive: bool| {
        let channel = channel(connection).await?;
        let mut options = QueueDeclareOptions::durable();
        options.passive = passive;
        let declared = channel.queue_declare(name.into(), options, arguments.clone());
        within(CALL_TIMEOUT, name, declared).await?;
        end(&channel).await;
        Ok(())
    };
    or_passively(&format!("broker queue `{name}`"), declare).await
}

async fn bind(
    connection: &Connection,
    queue: &str,
    exchange: &str,
    routing_key: &str,
) -> Result<(), BrokerError> {
    let channel = channel(connection).await?;
    let bound = channel.queue_bind(
        queue.into(),
        exchange.into(),
        routing_key.into(),
        QueueBindOptions::default(),
        FieldTable::default(),
    );
    match within(CALL_TIMEOUT, queue, bound).await {
        Ok(()) => {
            end(&channel).await;
            Ok(())
        }
        // The administrator has bound it, or the relay finds its messages returned.
        Err(error) if error.kind == BrokerErrorKind::Access => Ok(()),
        Err(error) => Err(error),
    }
}

/// Declares an object. If the user may not, the object has to exist.
async fn or_passively(
    what: &str,
    declare: impl AsyncFn(bool) -> Result<(), BrokerError>,
) -> Result<(), BrokerError> {
    match declare(false).await {
        Err(error) if error.kind == BrokerErrorKind::Access => {
            declare(true).await.map_err(|found| match found.kind {
                BrokerErrorKind::Topology => BrokerError::topology(format!(
                    "the {what} does not exist, and this user may not declare it: {}",
                    error.reason
                )),
                _ => found,
            })
        }
        Err(error) if error.kind == BrokerErrorKind::Topology => {
            Err(BrokerError::topology(format!(
                "the {what} exists with other arguments ({}): delete it once it is empty, or set \
                 another `broker_prefix`",
                error.reason
            )))
        }
        declared => declared,
    }
}

/// Closes a channel that is not needed any more.
async fn end(channel: &Channel) {
    let closing = channel.close(200, "done".into());
    // The channel ends with the connection at the latest.
    let _ = within(CALL_TIMEOUT, "the end of a channel", closing).await;
}
