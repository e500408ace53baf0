//! The handshake with the present certificate, and the loop that reads its files again.

use std::fmt;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::certificate::Contents;
use super::{TlsError, TlsFiles, plain};
use crate::health::Health;
use crate::http::server::{Guarded, guarded};

/// The interval at which the files are read again. New contents are used when two reads in a row
/// have found them, so that a file that is being written is not used half.
const POLL: Duration = Duration::from_secs(1);

/// The first byte of a TLS record with a handshake.
const HANDSHAKE: u8 = 22;

/// The TLS of a server. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Tls {
    files: TlsFiles,
    provider: Arc<CryptoProvider>,
    current: Arc<CurrentCertificate>,
    acceptor: TlsAcceptor,
}

impl Tls {
    /// Reads the certificate and its key. Blocks for the time of two small files.
    ///
    /// # Errors
    /// A file cannot be read or parsed, or the key does not belong to the certificate.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let certified = Contents::read(&files)?.parse(&files, &provider)?;
        let current = Arc::new(CurrentCertificate(RwLock::new(certified)));
        let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError::File {
                path: files.certificate.clone(),
                reason: error.to_string(),
            })?
            .with_no_client_auth();
        let resolver: Arc<dyn ResolvesServerCert> = Arc::<CurrentCertificate>::clone(&current);
        let mut config = config.with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            files,
            provider,
            current,
            acceptor: TlsAcceptor::from(Arc::new(config)),
        })
    }

    /// Performs the handshake of a connection. The caller bounds its time.
    ///
    /// # Errors
    /// The peer's. A peer that speaks plain HTTP has been told to use HTTPS.
    pub(in crate::http) async fn accept(
        &self,
        stream: TcpStream,
    ) -> io::Result<TlsStream<Guarded>> {
        let mut first = [0];
        if stream.peek(&mut first).await? == 1 && first[0] != HANDSHAKE {
            plain::refuse(stream).await?;
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the peer does not speak TLS",
            ));
        }
        self.acceptor.accept(guarded(stream)).await
    }

    /// Reads the files again and again, and uses what is new in them. A certificate that cannot be
    /// used leaves the present one in place; the log and the health report tell it. Never ends.
    pub(crate) async fn reload(&self, health: &Health) {
        let in_use = format!("{} is in use", self.files.certificate.display());
        health.certificate(Ok(in_use.clone()));
        let mut tried = self.read().await;
        let mut last_read = tried.clone();
        loop {
            tokio::time::sleep(POLL).await;
            let read = self.read().await;
            let is_stable = read == last_read;
            last_read.clone_from(&read);
            if !is_stable || read == tried {
                continue;
            }
            tried.clone_from(&read);
            let parsed = read.and_then(|contents| contents.parse(&self.files, &self.provider));
            match parsed {
                Ok(certified) => {
                    self.current.replace(certified);
                    tracing::info!("the new certificate {in_use}");
                    health.certificate(Ok(in_use.clone()));
                }
                Err(error) => {
                    let told = format!("the old certificate stays in use: {error}");
                    tracing::warn!("{told}");
                    health.certificate(Err(told));
                }
            }
        }
    }

    async fn read(&self) -> Result<Contents, TlsError> {
        let files = self.files.clone();
        let read = tokio::task::spawn_blocking(move || Contents::read(&files)).await;
        read.unwrap_or_else(|error| {
            Err(TlsError::File {
                path: self.files.certificate.clone(),
                reason: error.to_string(),
            })
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// The certificate of new connections.
#[derive(Debug)]
struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl CurrentCertificate {
    fn replace(&self, certified: Arc<CertifiedKey>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = certified;
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}
