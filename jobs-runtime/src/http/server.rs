//! The server: accepts connections, bounds them, and ends them in order.
//!
//! | a peer that | meets this bound |
//! |---|---|
//! | sends no request, or its head too slowly | `header_timeout`; then its connection is closed |
//! | does not complete its TLS handshake | `header_timeout`; then its connection is closed |
//! | sends a body too slowly | `body_timeout`: 408 |
//! | does not read its response | [`STALL`](stream::STALL) without progress |
//! | opens many connections | `max_connections_per_address`; loopback addresses have none |
//! | opens connections and sends nothing | the longest idle one is closed for a new one |
//! | sends a long URL or many headers | between 32 and 64 KiB, or 100 headers: 414 or 431 |
//!
//! [`connections`] counts the connections, [`flushes`] tells it when an answer is sent, and
//! [`stream`] bounds the time without progress. The folder may import the settings and the end of
//! `events`. It must not import the routes, the service or a store.

mod connections;
mod flushes;
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
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::config::HttpConfig;
use super::events;
use super::tls::{Encrypted, Tls};
use connections::{Connections, Place};
use flushes::Flushes;
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
    serve_with(listener, router, &HttpConfig::default(), None, shutdown).await
}

/// Like [`serve`], with settings, and with TLS if there is one.
pub(crate) async fn serve_with(
    listener: TcpListener,
    router: Router,
    config: &HttpConfig,
    tls: Option<Tls>,
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
            tls: tls.clone(),
            handshake_timeout: config.header_timeout,
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

/// A stream that ends when its peer stops reading.
pub(in crate::http) type Guarded = StallGuard<TcpStream>;

/// Bounds the writes of a stream.
pub(in crate::http) fn guarded(stream: TcpStream) -> Guarded {
    StallGuard::new(stream, STALL)
}

/// A connection with what it needs.
struct Connection {
    peer: SocketAddr,
    place: Place,
    router: Router,
    http: http1::Builder,
    tls: Option<Tls>,
    handshake_timeout: Duration,
    shutdown: CancellationToken,
    _open: mpsc::Sender<()>,
}

impl Connection {
    async fn serve(self, stream: TcpStream) {
        // Responses are written at once.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else {
            return self.serve_requests(guarded(stream), false).await;
        };
        let handshake = tokio::time::timeout(self.handshake_timeout, tls.accept(stream));
        let accepted = tokio::select! {
            accepted = handshake => accepted,
            () = self.place.evicted() => return,
            () = self.shutdown.cancelled() => return,
        };
        match accepted {
            Ok(Ok(stream)) => self.serve_requests(stream, true).await,
            Ok(Err(error)) => {
                tracing::debug!(peer = %self.peer, %error, "a TLS handshake failed");
            }
            Err(_) => tracing::debug!(peer = %self.peer, "a TLS handshake took too long"),
        }
    }

    async fn serve_requests<S>(&self, stream: S, is_encrypted: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let Self {
            peer,
            place,
            router,
            ..
        } = self;
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let busy = place.begin_request();
            let mut request: Request = request.map(axum::body::Body::new);
            request.extensions_mut().insert(ConnectInfo(*peer));
            if is_encrypted {
                request.extensions_mut().insert(Encrypted);
            }
            let response = router.clone().oneshot(request);
            async move {
                let response = response.await?;
                Ok::<_, std::convert::Infallible>(response.map(|body| busy.until_end_of(body)))
            }
        });
        let stream = TokioIo::new(Flushes::new(stream, place));
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

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_connection_whose_peer_reads_slowly_makes_no_room() {
        const SIZE: usize = 64 * 1024;
        let connections = Arc::new(Connections::new(1, 1));
        let connection = Connection {
            peer: SocketAddr::new(LOCAL, 1),
            place: connections.take(LOCAL).expect("room"),
            router: Router::new().route("/", get(async || "x".repeat(SIZE))),
            http: http1::Builder::new(),
            tls: None,
            handshake_timeout: Duration::MAX,
            shutdown: CancellationToken::new(),
            _open: mpsc::channel(1).0,
        };
        let (here, mut there) = tokio::io::duplex(1024);
        let serving = tokio::spawn(async move { connection.serve_requests(here, false).await });
        let request = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n";
        there.write_all(request).await.expect("it is read");
        let mut answer = vec![0; SIZE / 2];
        there.read_exact(&mut answer).await.expect("half of it");
        assert!(connections.take(LOCAL).is_none(), "the rest is not sent");
        let mut received = answer.len();
        while received < SIZE {
            received += there.read(&mut answer).await.expect("the rest");
        }
        let place = loop {
            if let Some(place) = connections.take(LOCAL) {
                break place;
            }
            tokio::task::yield_now().await;
        };
        serving.await.expect("it was evicted");
        drop(place);
    }
}
