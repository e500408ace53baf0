//! Direct access to the node, beside the programs under test.

use std::time::Duration;

use lapin::options::{
    BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions, QueueDeleteOptions,
    QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::runtime::Runtime;

/// A connection to the node.
pub(crate) struct Amqp {
    runtime: Runtime,
    connection: Connection,
}

impl Amqp {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let connecting = Connection::connect(url, ConnectionProperties::default());
        let connection = runtime.block_on(connecting).expect("the node accepts");
        Self {
            runtime,
            connection,
        }
    }

    /// Runs `work` on a channel of its own.
    fn on_channel<T>(
        &self,
        work: impl AsyncFnOnce(&Channel) -> lapin::Result<T>,
    ) -> lapin::Result<T> {
        let limit = Duration::from_secs(60);
        self.runtime.block_on(async {
            let worked = async {
                let channel = self.connection.create_channel().await?;
                let done = work(&channel).await?;
                channel.close(200, "done".into()).await?;
                Ok(done)
            };
            let in_time = tokio::time::timeout(limit, worked).await;
            in_time.expect("the node answers within a minute")
        })
    }

    /// Publishes a body and waits for the confirm.
    pub(crate) fn publish(&self, exchange: &str, key: &str, body: &str) {
        let published = self.on_channel(async |channel| {
            channel
                .confirm_select(ConfirmSelectOptions::default())
                .await?;
            let options = BasicPublishOptions {
                mandatory: true,
                ..BasicPublishOptions::default()
            };
            let properties = BasicProperties::default().with_delivery_mode(2);
            let sent = channel.basic_publish(
                exchange.into(),
                key.into(),
                options,
                body.as_bytes(),
                properties,
            );
            sent.await?.await
        });
        let confirmation = published.unwrap();
        assert!(
            confirmation.is_ack() && confirmation.take_message().is_none(),
            "it was returned"
        );
    }

    /// The numbers of messages and consumers of a broker queue; `None` if it does not exist.
    pub(crate) fn queue(&self, name: &str) -> Option<(u32, u32)> {
        let passive = QueueDeclareOptions::durable().passive();
        let found = self.on_channel(async |channel| {
            channel
                .queue_declare(name.into(), passive, FieldTable::default())
                .await
        });
        found
            .ok()
            .map(|queue| (queue.message_count(), queue.consumer_count()))
    }

    /// Declares a durable queue without arguments.
    pub(crate) fn declare(&self, name: &str) {
        let options = QueueDeclareOptions::durable();
        let declared = self.on_channel(async |channel| {
            channel
                .queue_declare(name.into(), options, FieldTable::default())
                .await
        });
        declared.unwrap();
    }

    pub(crate) fn delete(&self, name: &str) {
        let deleted = self.on_channel(async |channel| {
            channel
                .queue_delete(name.into(), QueueDeleteOptions::default())
                .await
        });
        deleted.unwrap();
    }

    /// Removes the messages of a queue that no consumer holds.
    pub(crate) fn purge(&self, name: &str) -> u32 {
        let purged = self.on_channel(async |channel| {
            channel
                .queue_purge(name.into(), QueuePurgeOptions::default())
                .await
        });
        purged.unwrap()
    }

    pub(crate) fn unbind(&self, queue: &str, exchange: &str, key: &str) {
        let unbound = self.on_channel(async |channel| {
            channel
                .queue_unbind(
                    queue.into(),
                    exchange.into(),
                    key.into(),
                    FieldTable::default(),
                )
                .await
        });
        unbound.unwrap();
    }
}
