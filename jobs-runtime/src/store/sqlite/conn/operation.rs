//! Operations: functions that run on a connection, and their form in the writer's queue.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::error::DbError;
use super::writer::WriterThread;
use crate::store::{StoreError, StoreEvent};

/// The result of a write: its value, and the events to publish after the commit.
pub(in crate::store::sqlite) type Outcome<T> = (T, Vec<StoreEvent>);

/// A function that runs once on a connection, of the writer's or of a reader's.
pub(in crate::store::sqlite) type Operation<T> = Box<
    dyn for<'c> FnOnce(
            &'c mut SqliteConnection,
        ) -> Pin<Box<dyn Future<Output = Result<T, DbError>> + Send + 'c>>
        + Send,
>;

/// Boxes the call of a function on a connection as an [`Operation`]: the arguments move into it.
macro_rules! operation {
    (|$conn:ident| $call:expr) => {
        Box::new(move |$conn| Box::pin(async move { $call.await }))
    };
}
pub(in crate::store::sqlite) use operation;

/// The outcome of a write that publishes no event.
pub(in crate::store::sqlite) fn without_events<T>(value: T) -> Outcome<T> {
    (value, Vec::new())
}

/// Gives an operation the outcome of a write that publishes no event.
pub(in crate::store::sqlite) fn silent<T: Send + 'static>(
    operation: Operation<T>,
) -> Operation<Outcome<T>> {
    Box::new(move |conn| Box::pin(async move { Ok(without_events(operation(conn).await?)) }))
}

/// An operation in the writer's queue, with its caller. The type of its result is hidden.
#[async_trait(?Send)]
pub(in crate::store::sqlite) trait QueuedOperation: Send {
    /// Runs the operation and answers the caller. Does nothing if the caller has stopped waiting.
    async fn run(self: Box<Self>, writer: &mut WriterThread);
}

/// An operation that runs in a transaction of its own.
pub(in crate::store::sqlite) struct QueuedWrite<T> {
    pub(in crate::store::sqlite) operation: Operation<Outcome<T>>,
    pub(in crate::store::sqlite) reply: oneshot::Sender<Result<T, StoreError>>,
}

#[async_trait(?Send)]
impl<T: Send + 'static> QueuedOperation for QueuedWrite<T> {
    async fn run(self: Box<Self>, writer: &mut WriterThread) {
        if self.reply.is_closed() {
            return;
        }
        let answer = match writer.in_transaction(self.operation).await {
            Ok((value, events)) => {
                writer.publish(events);
                Ok(value)
            }
            Err(error) => Err(error.into_store_error(&writer.location)),
        };
        // Fails if the caller has stopped waiting. The transaction is committed all the same.
        let _ = self.reply.send(answer);
    }
}

/// An operation that only reads and runs without a transaction.
pub(in crate::store::sqlite) struct QueuedRead<T> {
    pub(in crate::store::sqlite) operation: Operation<T>,
    pub(in crate::store::sqlite) reply: oneshot::Sender<Result<T, StoreError>>,
}

#[async_trait(?Send)]
impl<T: Send + 'static> QueuedOperation for QueuedRead<T> {
    async fn run(self: Box<Self>, writer: &mut WriterThread) {
        if self.reply.is_closed() {
            return;
        }
        let result = match writer.connection().await {
            Ok(connection) => (self.operation)(connection).await,
            Err(error) => Err(error),
        };
        let answer = result.map_err(|error| error.into_store_error(&writer.location));
        let _ = self.reply.send(answer);
    }
}
