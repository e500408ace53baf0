//! The export to a collector that is reached by TLS.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use tests::http;
use tests::process::{Server, prompt_dir, wait_for};
use tests::tls::Certificate;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::PROGRAM;
use super::collector::{Behaviour, Collector, Protocol};
use super::traces::{named, settings};

/// Accepts connections by TLS and passes their bytes on to the collector. Its thread lives as long
/// as the test process.
fn start_front(certificate: &Certificate, collector: SocketAddr) -> SocketAddr {
    let chain = CertificateDer::from_pem_file(&certificate.certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(&certificate.key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let (ready, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ready.send(listener.local_addr().unwrap()).unwrap();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends the handshake.
                    let Ok(mut client) = acceptor.accept(client).await else {
                        return;
                    };
                    let mut server = TcpStream::connect(collector).await.unwrap();
                    let passed = tokio::io::copy_bidirectional(&mut client, &mut server);
                    drop(passed.await);
                });
            }
        });
    });
    address.recv().unwrap()
}

/// The variables of an export by TLS that trusts this certificate.
fn variables(
    collector: &Collector,
    protocol: Protocol,
    front: SocketAddr,
    trusted: &Path,
) -> Vec<(String, String)> {
    let mut variables = collector.variables(protocol, "worker");
    variables.retain(|(name, _)| name != "OTEL_EXPORTER_OTLP_ENDPOINT");
    let endpoint = format!("https://localhost:{}", front.port());
    variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT".to_owned(), endpoint));
    let trusted = trusted.to_str().unwrap().to_owned();
    variables.push(("OTEL_EXPORTER_OTLP_CERTIFICATE".to_owned(), trusted));
    variables
}

fn check(protocol: Protocol) {
    let dir = prompt_dir();
    let collector = Collector::start(Behaviour::Takes);
    let own = Certificate::create(dir.path(), "own");
    let other = Certificate::create(dir.path(), "other");
    let front = start_front(&own, collector.address(protocol));

    let trusts_other = variables(&collector, protocol, front, &other.certificate);
    let server = Server::start(PROGRAM, dir.path(), &settings(&trusts_other));
    http::trigger(server.address, "test.add", &json!({"a": 1, "b": 2}));
    wait_for("the trouble in the health report", || {
        let report = http::get(server.address, "/health").body;
        let checks = report["checks"].as_array().unwrap().clone();
        let check = checks.iter().find(|check| check["name"] == "telemetry");
        check.unwrap()["status"] == "degraded"
    });
    assert_eq!(server.terminate().0, Some(0));
    assert!(collector.taken().spans.is_empty(), "a span was sent");

    let trusts_own = variables(&collector, protocol, front, &own.certificate);
    let server = Server::start(PROGRAM, dir.path(), &settings(&trusts_own));
    // An event of its handler becomes a log record.
    http::trigger(server.address, "test.traced", &json!({}));
    wait_for("a signal of each kind", || {
        let taken = collector.taken();
        !taken.spans.is_empty() && !taken.records.is_empty() && !taken.metrics.is_empty()
    });
    assert_eq!(server.terminate().0, Some(0));
    let spans = &collector.taken().spans;
    let attempts = named(spans, "process test.traced");
    assert!(!attempts.is_empty(), "{spans:?}");
}

#[test]
fn a_collector_is_reached_by_https() {
    check(Protocol::Http);
}

#[test]
fn a_collector_is_reached_by_grpc_and_tls() {
    check(Protocol::Grpc);
}

#[test]
fn a_certificate_that_cannot_be_read_is_told_at_the_start() {
    let dir = prompt_dir();
    let empty = dir.path().join("empty.pem");
    std::fs::write(&empty, "no certificate").unwrap();
    let missing = dir.path().join("missing.pem");
    for protocol in ["grpc", "http/protobuf"] {
        for (file, reason) in [(&empty, "has no certificate"), (&missing, "No such file")] {
            let mut command = Command::new(PROGRAM);
            command
                .arg("run")
                .current_dir(dir.path())
                .env("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost:1")
                .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
                .env("OTEL_EXPORTER_OTLP_CERTIFICATE", file);
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{text}");
            let names_file = text.contains(file.to_str().unwrap());
            assert!(names_file && text.contains(reason), "{protocol}: {text}");
        }
    }
}
