//! TLS of the interface: the certificate, its reload, and the handshake.
//!
//! | module | contents |
//! |---|---|
//! | `certificate` | the certificate and the key of two PEM files |
//! | `acceptor` | the handshake with the present certificate; the loop that reads the files again |
//! | `plain` | the answer to plain HTTP on a port that speaks HTTPS |
//!
//! The folder may import the health reports. It must not import the routes or the service.
//!
//! Without the feature `tls` there is no [`Tls`], and settings that ask for one stop the start.

#[cfg(feature = "tls")]
mod acceptor;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "tls")]
mod plain;

use std::path::PathBuf;

use super::config::HttpConfig;

#[cfg(feature = "tls")]
pub(crate) use acceptor::Tls;

/// The two files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TlsFiles {
    /// The certificate and its chain.
    pub(crate) certificate: PathBuf,
    /// The private key.
    pub(crate) key: PathBuf,
}

/// The reason why a certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("the settings `tls_certificate` and `tls_key` belong together: give both")]
    Incomplete,
    #[cfg_attr(feature = "tls", expect(dead_code, reason = "the feature is there"))]
    #[error("this program is built without the feature `tls` of jobs-runtime")]
    NotBuilt,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "no file is read"))]
    #[error("{}: {reason}", path.display())]
    File { path: PathBuf, reason: String },
}

impl TlsFiles {
    /// Returns the files of the settings; `None` for plain HTTP.
    ///
    /// # Errors
    /// One of the two is missing.
    pub(crate) fn of(config: &HttpConfig) -> Result<Option<Self>, TlsError> {
        match (&config.tls_certificate, &config.tls_key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => Ok(Some(Self {
                certificate: certificate.clone(),
                key: key.clone(),
            })),
            _ => Err(TlsError::Incomplete),
        }
    }
}

/// A request that came by TLS, as an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(in crate::http) struct Encrypted;

/// Stands for the TLS of a program without the feature; it has no value.
#[cfg(not(feature = "tls"))]
#[derive(Clone, Debug)]
pub(crate) enum Tls {}

#[cfg(not(feature = "tls"))]
impl Tls {
    /// # Errors
    /// Always.
    pub(crate) fn load(_: TlsFiles) -> Result<Self, TlsError> {
        Err(TlsError::NotBuilt)
    }

    pub(in crate::http) async fn accept(
        &self,
        _: tokio::net::TcpStream,
    ) -> std::io::Result<tokio::net::TcpStream> {
        match *self {}
    }

    pub(crate) async fn reload(&self, _: &crate::health::Health) {
        match *self {}
    }
}
