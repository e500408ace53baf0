//! The certificate and the key of two PEM files.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{TlsError, TlsFiles};

/// The largest file that is read. A chain has a few kilobytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The contents of both files.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl Contents {
    /// Reads both files. Blocks.
    pub(super) fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
        })
    }

    /// Parses the contents, and checks that the key belongs to the certificate.
    pub(super) fn parse(
        &self,
        files: &TlsFiles,
        provider: &CryptoProvider,
    ) -> Result<Arc<CertifiedKey>, TlsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.certificate).collect();
        let chain = chain.map_err(|error| wrong(&files.certificate, "certificate", &error))?;
        if chain.is_empty() {
            return Err(wrong(
                &files.certificate,
                "certificate",
                &PemError::NoItemsFound,
            ));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| wrong(&files.key, "private key", &error))?;
        let certified = CertifiedKey::from_der(chain, key, provider);
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => file_error(
                &files.key,
                format!(
                    "the key does not belong to the certificate {}",
                    files.certificate.display()
                ),
            ),
            error => file_error(&files.certificate, error.to_string()),
        })?;
        Ok(Arc::new(certified))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        .map_err(|error| file_error(path, error.to_string()))?;
    Ok(bytes)
}

fn wrong(path: &Path, what: &str, error: &PemError) -> TlsError {
    let reason = match error {
        PemError::NoItemsFound => {
            format!("it holds no {what} in PEM: a part begins with `-----BEGIN`")
        }
        error => format!("its {what} is not valid PEM: {error}"),
    };
    file_error(path, reason)
}

fn file_error(path: &Path, reason: String) -> TlsError {
    TlsError::File {
        path: path.to_owned(),
        reason,
    }
}
