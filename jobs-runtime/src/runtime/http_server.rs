//! The task that serves the HTTP interface of a runtime.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{StartError, token_file};
use crate::external::ExternalLeases;
use crate::health::Health;
use crate::http::{Exposure, HttpConfig, Tls, TlsFiles, is_loopback};
use crate::service::JobService;

/// The time for the answers to requests in progress, from the end of the last attempt. Requests
/// that wait for a result have it by then, or wait for an execution of another process.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// A running HTTP server.
pub(super) struct HttpServer {
    address: SocketAddr,
    is_encrypted: bool,
    stop: CancellationToken,
    /// Set when the server has ended, to an error if it failed.
    ended: watch::Receiver<Option<Result<(), String>>>,
}

/// Binds the address. Called before any other part of the runtime starts.
pub(super) async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let bind_error = |reason: String| StartError::Bind { address, reason };
    TcpListener::bind(address).await.map_err(|error| {
        bind_error(match error.kind() {
            io::ErrorKind::AddrInUse => {
                "the address is in use, perhaps by another runtime; `--bind` sets another address"
                    .into()
            }
            _ => error.to_string(),
        })
    })
}

/// Reads the certificate of the settings, if they name one.
pub(super) fn load_tls(config: &HttpConfig) -> Result<Option<Tls>, StartError> {
    let files = TlsFiles::of(config);
    let tls = files.and_then(|files| files.map(Tls::load).transpose());
    tls.map_err(|error| StartError::Tls(error.to_string()))
}

/// Installs the token of the settings' file, and refuses an address that other machines reach
/// without a token.
pub(super) async fn check_access(
    address: SocketAddr,
    service: &JobService,
    config: &HttpConfig,
) -> Result<(), StartError> {
    if let Some(file) = &config.token_file {
        token_file::install(file, service).await?;
    }
    if config.trusted_network {
        tracing::warn!(
            %address,
            "trusted_network: every program that reaches this address may do everything, without a \
             token"
        );
        return Ok(());
    }
    let has_tokens = service.store().has_tokens().await?;
    crate::http::check_bind(address, has_tokens).map_err(|error| StartError::Bind {
        address,
        reason: error.to_string(),
    })
}

impl HttpServer {
    pub(super) fn start(
        listener: TcpListener,
        service: &JobService,
        health: &Arc<Health>,
        config: HttpConfig,
        tls: Option<Tls>,
        external: ExternalLeases,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let exposure = if is_loopback(address) {
            Exposure::Loopback
        } else {
            Exposure::Network
        };
        let router = crate::http::build(
            service.clone(),
            Arc::clone(health),
            config.clone(),
            exposure,
            external,
        );
        let (end, ended) = watch::channel(None);
        let shutdown = stop.clone();
        let is_encrypted = tls.is_some();
        if let Some(tls) = tls.clone() {
            let (stop, health) = (stop.clone(), Arc::clone(health));
            tokio::spawn(async move { stop.run_until_cancelled(tls.reload(&health)).await });
        }
        tokio::spawn(async move {
            let serving = crate::http::serve_with(listener, router, &config, tls, shutdown);
            let served = serving.await.map_err(|error| error.to_string());
            end.send_replace(Some(served));
        });
        Ok(Self {
            address,
            is_encrypted,
            stop,
            ended,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self) -> String {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Completes when each request that had begun is answered, or after [`LAST_ANSWERS`].
    pub(super) async fn stopped(&self) {
        let mut ended = self.ended.clone();
        let answered = ended.wait_for(Option::is_some);
        if tokio::time::timeout(LAST_ANSWERS, answered).await.is_err() {
            tracing::debug!("requests are left without an answer at the end of the shutdown");
        }
    }

    pub(super) async fn failed(&self) -> io::Result<()> {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(reason))) => Err(io::Error::other(reason.clone())),
            // The task was dropped: it panicked, or its Tokio runtime shuts down.
            Ok(None) | Err(_) => Err(io::Error::other("the HTTP server ended unexpectedly")),
        }
    }
}
