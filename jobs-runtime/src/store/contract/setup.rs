//! Setup of a store: layout, health, events.

use async_trait::async_trait;
use tokio::sync::broadcast;

use crate::store::{
    LiveEvent, MigrationStatus, StoreDescription, StoreError, StoreEvent, Transferable,
};
use crate::time::Timestamp;

/// The part of a store that opens and watches it: layout, health, events. Errors: see
/// [`Store`](crate::store::Store).
#[async_trait]
pub trait SetupStore: Send + Sync {
    /// Applies the migrations that the layout lacks and returns the status of all.
    ///
    /// Several processes may call it at once: each migration is applied once. A crash leaves a
    /// migration applied or not applied, never half applied. Repeatable.
    ///
    /// # Errors
    /// [`StoreError::Layout`] if the layout is newer than this program, or was changed by hand.
    async fn migrate(&self) -> Result<Vec<MigrationStatus>, StoreError>;

    /// Returns the migrations that this program knows, with the time at which each was applied.
    /// Changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Layout`] if the layout is newer than this program, or was changed by hand.
    async fn migrations(&self) -> Result<Vec<MigrationStatus>, StoreError>;

    /// Checks that the store can be read and written now. It performs a write that changes no data.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Returns the time of the store's server, or `None` if the store has no server.
    ///
    /// A fleet that takes its time from the server tolerates a worker with a wrong clock.
    async fn server_time(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Returns the kind, the location and the durability of the store, for people.
    fn describe(&self) -> StoreDescription;

    /// Subscribes to the events of the store.
    ///
    /// An event is a hint: it may be lost, repeated or late. A subscriber polls as well.
    fn events(&self) -> broadcast::Receiver<StoreEvent>;

    /// Subscribes to the changes by calls of this handle, in detail; `None` if the handle announces
    /// none. They are hints as well.
    fn live_events(&self) -> Option<broadcast::Receiver<LiveEvent>> {
        None
    }

    /// Returns the interface that copies this store into another, or `None` if there is none.
    fn transfer(&self) -> Option<&dyn Transferable> {
        None
    }
}
