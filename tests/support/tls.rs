//! Certificates of the tests, made by the command `openssl`, and a client that trusts them.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::http::{Answer, connect, exchange};

/// What `openssl req` makes: a certificate of a server on this machine, which signs itself.
const REQUEST: &str = "[req]
prompt = no
distinguished_name = name
x509_extensions = extensions
[name]
CN = localhost
[extensions]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:localhost,IP:127.0.0.1
";

/// A certificate with its key, as two files.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The file of the certificate.
    pub certificate: PathBuf,
    /// The file of the key.
    pub key: PathBuf,
}

impl Certificate {
    /// Makes a certificate in the directory. The files begin with `name`.
    pub fn create(dir: &Path, name: &str) -> Self {
        let request = dir.join(format!("{name}.conf"));
        std::fs::write(&request, REQUEST).expect("a file can be written");
        let made = Self {
            certificate: dir.join(format!("{name}.pem")),
            key: dir.join(format!("{name}.key")),
        };
        let openssl = Command::new("openssl")
            .args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"])
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-config"])
            .arg(&request)
            .arg("-keyout")
            .arg(&made.key)
            .arg("-out")
            .arg(&made.certificate)
            .output()
            .expect("openssl starts");
        let stderr = String::from_utf8_lossy(&openssl.stderr).into_owned();
        assert!(openssl.status.success(), "{stderr}");
        made
    }

    /// The settings of a server with this certificate.
    pub fn settings(&self) -> [(&'static str, &str); 2] {
        [
            ("JOBS_TLS_CERTIFICATE", text(&self.certificate)),
            ("JOBS_TLS_KEY", text(&self.key)),
        ]
    }

    /// Puts this certificate in the place of another one.
    pub fn replace(&self, other: &Self) {
        std::fs::copy(&self.certificate, &other.certificate).expect("the file is copied");
        std::fs::copy(&self.key, &other.key).expect("the file is copied");
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(&self.certificate).expect("a certificate")
    }

    /// Connects to a server on this machine. The handshake fails unless the server has this
    /// certificate.
    pub fn connect(
        &self,
        address: SocketAddr,
    ) -> Result<StreamOwned<ClientConnection, TcpStream>, String> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the versions are known")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = "localhost".try_into().expect("a name");
        let mut tls = ClientConnection::new(Arc::new(config), name).expect("a configuration");
        let mut stream = connect(address);
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)
                .map_err(|error| error.to_string())?;
        }
        Ok(StreamOwned::new(tls, stream))
    }

    /// Sends a request by TLS.
    pub fn send(
        &self,
        address: SocketAddr,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<Answer, String> {
        let stream = self.connect(address)?;
        Ok(exchange(stream, address, method, path, &[], body))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("paths of the tests are text")
}
