//! The source of a command: a store that it opens, or a server that it asks.
//!
//! A command calls the methods of [`Source`] and prints what they return. Both kinds return the
//! same types, so a command prints the same for a local store and for a server. `source` has a
//! module for each group of methods: the local half calls the service or the store, the remote half
//! a route.
//!
//! | module | contents |
//! |---|---|
//! | `jobs` | the known jobs, triggers, the OpenAPI document |
//! | `executions` | executions, their logs and explanations |
//! | `acts` | cancel, retry, edit, delete, erase |
//! | `operations` | bulk operations |
//! | `schedules` | schedules |
//! | `fleet` | queues, limits, workers, failures, the overview |
//! | `access` | tokens, the audit log |
//!
//! The folder may import `remote`, the runtime, the service and the store contract. It must not
//! import a command.

mod access;
mod acts;
mod executions;
mod fleet;
mod jobs;
mod operations;
mod schedules;

use std::sync::Arc;
use std::time::Duration;

use ::jobs::Clock;

use super::failure::Failure;
use super::remote::ApiClient;
use super::settings::Settings;
use crate::store::DatabaseUrl;
use crate::time::Timestamp;
use crate::{Runtime, SystemClock};

pub(super) use acts::EditRequest;
pub(super) use executions::LogReader;
pub(super) use jobs::Trigger;
pub(super) use operations::{BulkCall, edit_of};

/// Where a command finds jobs and executions.
#[derive(Debug)]
pub(super) enum Source {
    Local(Box<Runtime>),
    Remote(Arc<ApiClient>),
}

impl Source {
    /// The server of the settings; or the store, which is created if there is none. The linked jobs
    /// are published.
    pub(super) async fn create(settings: &Settings) -> Result<Self, Failure> {
        if let Some(server) = remote(settings)? {
            return Ok(server);
        }
        Self::local(settings, &settings.database, true).await
    }

    /// Like [`create`](Self::create), but creates no store and publishes nothing. Without a store,
    /// the source is an empty one in memory.
    pub(super) async fn read(settings: &Settings) -> Result<Self, Failure> {
        if let Some(server) = remote(settings)? {
            return Ok(server);
        }
        let database = if store_exists(settings) {
            &*settings.database
        } else {
            "sqlite::memory:"
        };
        Self::local(settings, database, false).await
    }

    /// The same server; or the store, as [`create`](Self::create) opens it.
    pub(super) async fn or_create(self, settings: &Settings) -> Result<Self, Failure> {
        match self {
            Self::Remote(_) => Ok(self),
            Self::Local(reader) => {
                drop(reader);
                Self::create(settings).await
            }
        }
    }

    /// Like [`create`](Self::create), but publishes nothing, and fails if there is no store.
    pub(super) async fn open(settings: &Settings) -> Result<Self, Failure> {
        if let Some(server) = remote(settings)? {
            return Ok(server);
        }
        check_store_exists(settings)?;
        Self::local(settings, &settings.database, false).await
    }

    /// A client of the server of the settings, if they name one.
    pub(super) fn server(settings: &Settings) -> Result<Option<Arc<ApiClient>>, Failure> {
        Ok(match remote(settings)? {
            Some(Self::Remote(client)) => Some(client),
            _ => None,
        })
    }

    /// The location of the store, or the address of the server.
    pub(super) fn location(&self) -> String {
        match self {
            Self::Local(runtime) => runtime.store().describe().location,
            Self::Remote(client) => client.address().to_string(),
        }
    }

    async fn local(settings: &Settings, database: &str, publishes: bool) -> Result<Self, Failure> {
        let builder = settings.builder().database(database).workers(false);
        let builder = builder.publishes(publishes);
        Ok(Self::Local(Box::new(builder.start().await?)))
    }

    /// The present time: by the store's clock, or by this machine's.
    pub(super) fn now(&self) -> Timestamp {
        match self {
            Self::Local(runtime) => crate::clock::timestamp(&**runtime.service().clock()),
            Self::Remote(_) => crate::clock::timestamp(&SystemClock::new()),
        }
    }

    /// Waits between two reads.
    pub(super) async fn sleep(&self, time: Duration) {
        match self {
            Self::Local(runtime) => runtime.service().clock().sleep(time).await,
            Self::Remote(_) => SystemClock::new().sleep(time).await,
        }
    }
}

/// The server of the settings, if they name one.
fn remote(settings: &Settings) -> Result<Option<Source>, Failure> {
    let Some(server) = &settings.server else {
        return Ok(None);
    };
    let client = ApiClient::new(server.address.clone(), server.token.clone())?;
    Ok(Some(Source::Remote(Arc::new(client))))
}

/// Fails if the store of the settings does not exist.
pub(super) fn check_store_exists(settings: &Settings) -> Result<(), Failure> {
    if store_exists(settings) {
        return Ok(());
    }
    Err(Failure::failed(format!(
        "the store {} does not exist: `run` creates it, `--database URL` names another",
        settings.database
    )))
}

/// True if the store of the settings exists. A PostgreSQL store counts as existing.
pub(super) fn store_exists(settings: &Settings) -> bool {
    match settings.database.parse() {
        Ok(DatabaseUrl::Sqlite { path, .. }) => path.exists(),
        _ => true,
    }
}
