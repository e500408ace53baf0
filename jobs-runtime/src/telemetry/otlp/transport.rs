//! The way to the collector: HTTP or gRPC, plain or by TLS.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use opentelemetry_http::hyper::HyperClient;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::variables::Signal;

/// The time that a request over HTTP may take without `OTEL_EXPORTER_OTLP_TIMEOUT`.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An exporter cannot be built.
#[derive(Debug, thiserror::Error)]
pub(super) enum BuildError {
    #[error(transparent)]
    Exporter(#[from] ExporterBuildError),
    #[error("no certificates of authorities: {0}")]
    Certificates(#[from] std::io::Error),
    #[error("the certificate {path}: {reason}")]
    Certificate { path: String, reason: String },
}

/// The way to the collector.
pub(super) enum Transport {
    /// gRPC over TLS.
    Grpc(ClientTlsConfig),
    PlainGrpc,
    /// HTTP over TLS.
    Https(HyperClient<HttpsConnector<HttpConnector>>),
    PlainHttp(HyperClient),
}

impl Transport {
    /// Reads the protocol: `grpc`, or else HTTP with protobuf.
    pub(super) fn of(signal: Signal) -> Result<Self, BuildError> {
        let is_grpc = signal.option("PROTOCOL").is_some_and(|it| it == "grpc");
        let is_tls = signal
            .option("ENDPOINT")
            .is_some_and(|endpoint| endpoint.starts_with("https:"));
        let authority = Authority::of(signal);
        if is_grpc && is_tls {
            let tls = ClientTlsConfig::new();
            return Ok(Self::Grpc(match authority {
                Some(authority) => tls.ca_certificate(authority.for_grpc()?),
                None => tls.with_enabled_roots(),
            }));
        }
        if is_grpc {
            return Ok(Self::PlainGrpc);
        }
        let timeout = signal.option("TIMEOUT").and_then(|text| text.parse().ok());
        let timeout = timeout.map_or(TIMEOUT, Duration::from_millis);
        if !is_tls {
            let client = HyperClient::with_default_connector(timeout, None);
            return Ok(Self::PlainHttp(client));
        }
        let connector = HttpsConnectorBuilder::new();
        let connector = match authority {
            Some(authority) => connector.with_tls_config(authority.for_https()?),
            None => connector.with_native_roots()?,
        };
        let connector = connector.https_only().enable_http1().build();
        Ok(Self::Https(HyperClient::new(connector, timeout, None)))
    }
}

/// The file of the only certificate authority that may vouch for the collector, from the variable
/// `OTEL_EXPORTER_OTLP_CERTIFICATE`.
struct Authority(String);

impl Authority {
    fn of(signal: Signal) -> Option<Self> {
        signal.option("CERTIFICATE").map(Self)
    }

    fn error(self, reason: impl fmt::Display) -> BuildError {
        let reason = reason.to_string();
        BuildError::Certificate {
            path: self.0,
            reason,
        }
    }

    fn for_grpc(self) -> Result<Certificate, BuildError> {
        // The transport takes a file without certificates, and then refuses every server.
        self.parse()?;
        let pem = std::fs::read(&self.0).map_err(|reason| self.error(reason))?;
        Ok(Certificate::from_pem(pem))
    }

    fn for_https(self) -> Result<ClientConfig, BuildError> {
        let roots = self.parse()?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config
            .with_safe_default_protocol_versions()
            .map_err(|reason| self.error(reason))?;
        Ok(config.with_root_certificates(roots).with_no_client_auth())
    }

    fn parse(&self) -> Result<RootCertStore, BuildError> {
        let error = |reason: &dyn fmt::Display| Self(self.0.clone()).error(reason);
        let mut roots = RootCertStore::empty();
        let found = CertificateDer::pem_file_iter(&self.0).map_err(|reason| error(&reason))?;
        for certificate in found {
            let certificate = certificate.map_err(|reason| error(&reason))?;
            roots.add(certificate).map_err(|reason| error(&reason))?;
        }
        if roots.is_empty() {
            return Err(error(&"the file has no certificate in PEM"));
        }
        Ok(roots)
    }
}
