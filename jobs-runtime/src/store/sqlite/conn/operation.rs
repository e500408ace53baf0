//! Work that the writer does on its connection for one caller at a time.

use std::future::Future;
use std::pin::Pin;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::oneshot;

use super::error::Fault;
use super::writer::Desk;
use crate::store::{StoreError, StoreEvent};

/// Something to do with a connection, whoever's it is.
pub(in crate::store::sqlite) type Work<T> = Box<
    dyn for<'c> FnOnce(
            &'c mut SqliteConnection,
        ) -> Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'c>>
        + Send,
>;

/// Work with its answer's type hidden.
#[async_trait(?Send)]
pub(in crate::store::sqlite) trait Step: Send {
    /// Does it and answers.
    async fn run(self: Box<Self>, desk: &mut Desk);
}

/// Work in a transaction of its own, with what to tell about it.
pub(in crate::store::sqlite) struct Write<T> {
    pub(in crate::store::sqlite) work: Work<(T, Vec<StoreEvent>)>,
    pub(in crate::store::sqlite) answer: oneshot::Sender<Result<T, StoreError>>,
}

#[async_trait(?Send)]
impl<T: Send + 'static> Step for Write<T> {
    async fn run(self: Box<Self>, desk: &mut Desk) {
        if self.answer.is_closed() {
            return;
        }
        let result = desk.in_transaction(self.work).await;
        let answer = match result {
            Ok((value, events)) => {
                desk.publish(events);
                Ok(value)
            }
            Err(fault) => Err(fault.at(&desk.location)),
        };
        // The caller may have left; it is written all the same.
        let _ = self.answer.send(answer);
    }
}

/// Work that only reads.
pub(in crate::store::sqlite) struct Read<T> {
    pub(in crate::store::sqlite) work: Work<T>,
    pub(in crate::store::sqlite) answer: oneshot::Sender<Result<T, StoreError>>,
}

#[async_trait(?Send)]
impl<T: Send + 'static> Step for Read<T> {
    async fn run(self: Box<Self>, desk: &mut Desk) {
        if self.answer.is_closed() {
            return;
        }
        let result = match desk.connection().await {
            Ok(connection) => (self.work)(connection).await,
            Err(fault) => Err(fault),
        };
        let answer = result.map_err(|fault| fault.at(&desk.location));
        let _ = self.answer.send(answer);
    }
}
