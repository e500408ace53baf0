//! Errors of the start of a runtime.

use std::net::SocketAddr;

use jobs::CatalogueError;

use crate::SchemaError;
use crate::engine::resources::ResourceErrors;
use crate::store::{ParseDatabaseUrlError, StoreError};

/// The reason why a runtime did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The linked jobs contradict each other.
    #[error(transparent)]
    Catalogue(#[from] CatalogueError),
    /// A linked job has an invalid payload schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A setting names a job that is not linked.
    #[error("job `{0}` is not linked into this program")]
    UnknownJob(String),
    /// A slot cap, an ageing time or a named limit has a value out of range.
    #[error("{what} `{name}`: {reason}")]
    Limit {
        /// The setting.
        what: &'static str,
        /// The name of the queue, the job or the limit.
        name: String,
        /// The values that are allowed.
        reason: &'static str,
    },
    /// The database URL is invalid.
    #[error(transparent)]
    Url(#[from] ParseDatabaseUrlError),
    /// The store did not open.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A resource of a handler is missing or could not be built.
    #[error(transparent)]
    Resources(#[from] ResourceErrors),
    /// The HTTP interface cannot listen on the address.
    #[error("cannot serve on {address}: {reason}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The reason.
        reason: String,
    },
    /// The file of the first token cannot be read or written, or holds no valid token.
    #[error("token_file {}: {reason}", path.display())]
    TokenFile {
        /// The file.
        path: std::path::PathBuf,
        /// The reason.
        reason: String,
    },
    /// The certificate of the HTTP interface or its key cannot be used.
    #[error("cannot serve by TLS: {0}")]
    Tls(String),
    /// A thread of the worker could not be created.
    #[error("cannot start the workers")]
    Io(#[from] std::io::Error),
}
