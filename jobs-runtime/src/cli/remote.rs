//! The client of a server's HTTP interface, for commands with `--server URL`.
//!
//! | module | contents |
//! |---|---|
//! | `address` | the URL of a server |
//! | `connection` | one HTTP/1.1 connection, by TCP or TLS |
//! | `request` | a request to a route of the route table, and its answer |
//! | `error` | errors, as the failures of a command |
//!
//! Methods and paths come from the route table of `http`, by the names of the operations. The
//! folder may import that table and the types of its answers. It must not import a store or a
//! command.

mod address;
mod connection;
mod error;
mod request;

use std::fmt;
use std::time::Duration;

use axum::http::Method;
use tokio::sync::Mutex;

pub(super) use address::ServerAddress;
use connection::{Connection, Connector};
pub(super) use error::{RemoteError, RemoteProblem};
pub(super) use request::ApiAnswer;
use request::ApiRequest;

/// The time in which a server answers. It answers within 30 s itself.
const ANSWER: Duration = Duration::from_secs(40);

/// A client of one server. It keeps one connection.
pub(super) struct ApiClient {
    address: ServerAddress,
    token: Option<String>,
    connector: Connector,
    idle: Mutex<Option<Connection>>,
}

impl ApiClient {
    /// Creates a client. It connects with its first request.
    ///
    /// # Errors
    /// The token has characters that no header can have.
    pub(super) fn new(address: ServerAddress, token: Option<String>) -> Result<Self, RemoteError> {
        let is_printable = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
        if !token.as_ref().is_none_or(is_printable) {
            return Err(RemoteError::Token);
        }
        Ok(Self {
            connector: Connector::new(&address)?,
            address,
            token,
            idle: Mutex::default(),
        })
    }

    /// Returns the server's address.
    pub(super) fn address(&self) -> &ServerAddress {
        &self.address
    }

    /// Begins a request to the route with this operation id.
    pub(super) fn request(&self, operation: &'static str) -> ApiRequest<'_> {
        ApiRequest::new(self, operation)
    }

    /// Sends a request and reads the whole answer. A read on a connection that the server has
    /// closed meanwhile is sent again on a new one.
    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<String>,
    ) -> Result<ApiAnswer, RemoteError> {
        let idle = self.idle.lock().await.take();
        let may_repeat = method == Method::GET && idle.is_some();
        let mut connection = match idle.filter(Connection::is_open) {
            Some(connection) => connection,
            None => self.connector.connect(&self.address).await?,
        };
        let request = || self.http_request(method, path, body.clone());
        let answer = match self.exchange(&mut connection, request()?).await {
            Err(RemoteError::Ended { .. }) if may_repeat => {
                connection = self.connector.connect(&self.address).await?;
                self.exchange(&mut connection, request()?).await?
            }
            answer => answer?,
        };
        *self.idle.lock().await = Some(connection);
        Ok(answer)
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        request: axum::http::Request<axum::body::Body>,
    ) -> Result<ApiAnswer, RemoteError> {
        let answered = tokio::time::timeout(ANSWER, connection.exchange(request)).await;
        let answered = answered.map_err(|_| RemoteError::TooLate {
            server: self.address.to_string(),
            after: ANSWER,
        })?;
        answered.map_err(|reason| RemoteError::Ended {
            server: self.address.to_string(),
            reason,
        })
    }
}

impl fmt::Debug for ApiClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiClient")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
