//! Why a runtime did not start.

use std::net::SocketAddr;

use jobs::CatalogueError;

use crate::SchemaError;
use crate::engine::resources::ResourceErrors;
use crate::store::{ParseDatabaseUrlError, StoreError};

/// Why a runtime did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The linked jobs make no catalogue.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A linked job has a schema that payloads cannot be checked against.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A job was named that is not linked.
    #[error("job `{0}` is not linked into this program")]
    UnknownJob(String),
    /// A limit of this process, or one that handlers ask by name, says nothing that could be kept.
    #[error("{what} `{name}`: {reason}")]
    Limit {
        /// What kind of limit.
        what: &'static str,
        /// The queue, the job or the limit's name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The database URL names no store.
    #[error(transparent)]
    Url(#[from] ParseDatabaseUrlError),
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What handlers borrow could not be built.
    #[error(transparent)]
    Resources(#[from] ResourceErrors),
    /// The HTTP interface may not or cannot listen there.
    #[error("cannot serve on {address}: {reason}")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// Why not.
        reason: String,
    },
    /// A thread or timer of the runtime could not be made.
    #[error("cannot start the workers")]
    Io(#[from] std::io::Error),
}
