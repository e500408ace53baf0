//! One HTTP/1.1 connection to a server, by TCP or TLS.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::{ApiAnswer, RemoteError, ServerAddress};

/// The time for a connection, with its TLS handshake.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest answer. A page of a thousand executions with payloads of a mebibyte is longer; a
/// smaller `--limit` avoids that.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// A connection that takes one request at a time.
pub(super) struct Connection(SendRequest<Body>);

impl Connection {
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// Sends a request and reads the whole answer. The error says why the connection ended.
    pub(super) async fn exchange(&mut self, request: Request<Body>) -> Result<ApiAnswer, String> {
        let ended = |error: hyper::Error| crate::error::chain(&error).to_string();
        self.0.ready().await.map_err(ended)?;
        let response = self.0.send_request(request).await.map_err(ended)?;
        let status = response.status();
        let content_type = response.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = axum::body::to_bytes(Body::new(response.into_body()), MAX_ANSWER).await;
        let body = body.map_err(|error| crate::error::chain(&error).to_string())?;
        Ok(ApiAnswer {
            status: StatusCode::as_u16(&status),
            content_type,
            text: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}

/// Makes connections to one server.
pub(super) struct Connector {
    tls: Option<ClientTls>,
}

impl Connector {
    /// # Errors
    /// The address asks for TLS, and this program has none.
    pub(super) fn new(address: &ServerAddress) -> Result<Self, RemoteError> {
        Ok(Self {
            tls: address.is_encrypted.then(ClientTls::new).transpose()?,
        })
    }

    pub(super) async fn connect(&self, address: &ServerAddress) -> Result<Connection, RemoteError> {
        let unreachable = |reason: String| RemoteError::Unreachable {
            server: address.to_string(),
            reason,
        };
        match tokio::time::timeout(CONNECT, self.open(address)).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(unreachable(crate::error::chain(&error).to_string())),
            Err(_) => Err(unreachable(format!("no connection within {CONNECT:?}"))),
        }
    }

    async fn open(&self, address: &ServerAddress) -> io::Result<Connection> {
        let stream = TcpStream::connect((&*address.host, address.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => begin(stream).await,
            Some(tls) => begin(tls.connect(&address.host, stream).await?).await,
        }
    }
}

/// Begins to speak HTTP. A task drives the connection.
async fn begin<S>(stream: S) -> io::Result<Connection>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let begun = handshake(TokioIo::new(stream)).await;
    let (sender, connection) = begun.map_err(io::Error::other)?;
    // An error of the connection is an error of its requests as well.
    tokio::spawn(async move { connection.await.ok() });
    Ok(Connection(sender))
}

/// The TLS of a client. It trusts what the operating system trusts, or the variable
/// `SSL_CERT_FILE`.
#[cfg(feature = "tls")]
struct ClientTls(tokio_rustls::TlsConnector);

#[cfg(feature = "tls")]
impl ClientTls {
    fn new() -> Result<Self, RemoteError> {
        use std::sync::Arc;

        let found = rustls_native_certs::load_native_certs();
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            let reason = found.errors.first().map(ToString::to_string);
            return Err(RemoteError::Tls(format!(
                "no trusted certificates were found on this machine{}: install `ca-certificates`, \
                 or name a file with SSL_CERT_FILE",
                reason
                    .map(|reason| format!(" ({reason})"))
                    .unwrap_or_default()
            )));
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| RemoteError::Tls(error.to_string()))?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config).into()))
    }

    async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
        let name = rustls::pki_types::ServerName::try_from(host.to_owned());
        let name = name.map_err(io::Error::other)?;
        self.0.connect(name, stream).await
    }
}

#[cfg(not(feature = "tls"))]
enum ClientTls {}

#[cfg(not(feature = "tls"))]
impl ClientTls {
    fn new() -> Result<Self, RemoteError> {
        Err(RemoteError::Tls(
            "this program is built without the feature `tls` of jobs-runtime".to_owned(),
        ))
    }

    async fn connect(&self, _: &str, stream: TcpStream) -> io::Result<TcpStream> {
        drop(stream);
        match *self {}
    }
}
