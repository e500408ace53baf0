//! The server: accepts connections, bounds them, and ends them in order.
//!
//! | a peer that | meets this bound |
//! |---|---|
//! | sends no request, or its head too slowly | `header_timeout`; then its connection is closed |
//! | sends a body too slowly | `body_timeout`: 408 |
//! | does not read its response | [`STALL`](stream::STALL) without progress |
//! | opens many connections | `max_connections_per_address`; loopback addresses have none |
//! | opens connections and sends nothing | the oldest idle one is closed for a new one |
//! | sends a long URL or many headers | 64 KiB and 100 headers: 414 or 431 |
//!
//! [`connections`] counts the connections, and [`stream`] bounds the time without progress. The
//! folder may import the settings and the end of `events`. It must not import the routes, the
//! service or a store.

mod connections;
mod stream;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request};
use axum::{Extension, Router};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::config::HttpConfig;
use super::events;
use connections::{Connections, Place};
use stream::{STALL, StallGuard};

/// The bytes of a request's head after which no more are read. One read may go beyond it by as much
/// again, so that a head of twice the size is always refused.
const MAX_BUFFER: usize = 32 * 1024;

/// The pause after the operating system has refused a connection, such as for want of file
/// descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(250);

/// Serves connections with the default settings until `shutdown`, then completes the requests that
/// have begun. Event streams end at once.
///
/// # Errors
/// The listener's.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_with(listener, router, &HttpConfig::default(), shutdown).await
}

/// Like [`serve`], with settings.
pub(crate) async fn serve_with(
    listener: TcpListener,
    router: Router,
    config: &HttpConfig,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let router = router.layer(Extension(events::ServerShutdown(shutdown.clone())));
    let connections = Arc::new(Connections::new(
        config.max_connections,
        config.max_connections_per_address,
    ));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(config.header_timeout)
        .max_buf_size(MAX_BUFFER);
    // Each connection holds a sender: the channel closes when the last one has ended.
    let (open, mut ended) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted at the moment");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = connections.take(peer.ip()) else {
            tracing::debug!(%peer, "too many connections");
            continue;
        };
        let connection = Connection {
            peer,
            place,
            router: router.clone(),
            http: http.clone(),
            shutdown: shutdown.clone(),
            _open: open.clone(),
        };
        tokio::spawn(connection.serve(stream));
    }
    drop(listener);
    drop(open);
    // No value is ever sent.
    let _ = ended.recv().await;
    Ok(())
}

/// A connection with what it needs.
struct Connection {
    peer: SocketAddr,
    place: Place,
    router: Router,
    http: http1::Builder,
    shutdown: CancellationToken,
    _open: mpsc::Sender<()>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        // Responses are written at once.
        let _ = stream.set_nodelay(true);
        let Self {
            peer,
            place,
            router,
            ..
        } = &self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let busy = place.begin_request();
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(*peer));
            let response = router.clone().oneshot(request);
            async move {
                let response = response.await?;
                // The connection is busy until the body of the response is written.
                Ok::<_, std::convert::Infallible>(response.map(|body| busy.until_end_of(body)))
            }
        });
        let stream = TokioIo::new(StallGuard::new(stream, STALL));
        let connection = self.http.serve_connection(stream, service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            // An idle connection that makes room for a new one.
            () = self.place.evicted() => return,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.peer, %error, "a connection ended");
        }
    }
}

/// Errors of the peer, after which the next connection can be accepted at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused | ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset
    )
}
