//! HTTPS from outside: a real certificate, its reload, and peers that do not complete a handshake.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;
use tests::http;
use tests::process::{Server, run, wait_for};
use tests::tls::Certificate;
use tests::transcript;

use super::PROGRAM;

#[test]
fn a_certificate_makes_the_interface_speak_https() {
    let dir = tempfile::tempdir().expect("a directory");
    let certificate = Certificate::create(dir.path(), "server");
    let token = run(PROGRAM, dir.path(), &["token", "create", "--role", "admin"]);
    let server = Server::start(PROGRAM, dir.path(), &certificate.settings());
    let address = server.address;

    let alive = certificate.send(address, "GET", "/livez", "");
    assert_eq!(alive.expect("a handshake").status, 200);
    // A browser sends the cookie by TLS only.
    let body = json!({ "token": token.out.trim() }).to_string();
    let signed_in = certificate.send(address, "POST", "/api/v1/session", &body);
    let signed_in = signed_in.expect("a handshake");
    assert_eq!(signed_in.status, 200, "{signed_in:?}");
    assert!(signed_in.head.contains("; Secure"), "{signed_in:?}");
    assert!(signed_in.head.contains("HttpOnly"), "{signed_in:?}");

    // Plain HTTP is told to use HTTPS.
    let plain = http::get(address, "/livez");
    assert_eq!(
        (plain.status, &plain.body["code"]),
        (400, &json!("https_required"))
    );

    // A client that trusts another certificate does not talk to the server.
    let other = Certificate::create(dir.path(), "other");
    let refused = other.connect(address).map(|_| ()).expect_err("another one");
    assert!(refused.contains("certificate"), "{refused}");

    // The end of the server completes the requests that have begun.
    let (code, _) = server.terminate();
    assert_eq!(code, Some(0));
}

#[test]
fn a_changed_certificate_is_used_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let used = Certificate::create(dir.path(), "server");
    let (old, new) = (
        Certificate::create(dir.path(), "old"),
        Certificate::create(dir.path(), "new"),
    );
    old.replace(&used);
    let settings = used.settings();
    let settings = [&settings[..], &[("JOBS_LOG", "info")]].concat();
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let address = server.address;
    let mut kept = old.connect(address).expect("the old certificate");
    assert!(new.connect(address).is_err());

    new.replace(&used);
    wait_for("the new certificate", || new.connect(address).is_ok());
    assert!(old.connect(address).is_err());
    // An open connection goes on.
    kept.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .expect("the connection is open");
    let mut answer = String::new();
    kept.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // A key of another certificate, and a file that is none.
    std::fs::copy(&old.key, &used.key).expect("the file is copied");
    wait_for("the warning about the key", || {
        let words = ["the old certificate stays in use", "does not belong to"];
        !server.logged(&words).is_empty()
    });
    std::fs::write(&used.certificate, "nonsense").expect("the file is written");
    wait_for("the warning about the certificate", || {
        let words = ["the old certificate stays in use", "holds no certificate"];
        !server.logged(&words).is_empty()
    });
    let health = new.send(address, "GET", "/health", "");
    let health = health.expect("the certificate that was used before");
    assert_eq!(health.status, 200, "{health:?}");
    let checks = health.body["checks"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let check = checks.iter().find(|check| check["name"] == "certificate");
    assert_eq!(
        check.map(|it| &it["status"]),
        Some(&json!("degraded")),
        "{checks:?}"
    );

    old.replace(&used);
    wait_for("the repaired certificate", || old.connect(address).is_ok());
}

#[test]
fn a_handshake_that_never_ends_is_closed_and_makes_room() {
    let dir = tempfile::tempdir().expect("a directory");
    let certificate = Certificate::create(dir.path(), "server");
    let own = certificate.settings();
    let bounds = [("JOBS_HEADER_TIMEOUT", "1h"), ("JOBS_MAX_CONNECTIONS", "8")];
    let server = Server::start(PROGRAM, dir.path(), &[&own[..], &bounds].concat());
    // The length of the record is announced, and nothing follows.
    let begun = [22, 3, 1, 2, 0];
    let silent: Vec<TcpStream> = (0..24)
        .map(|number| {
            let mut stream = TcpStream::connect(server.address).expect("the server listens");
            if number % 2 == 0 {
                stream.write_all(&begun).expect("a new connection is open");
            }
            stream
        })
        .collect();
    // They count as connections: the idle ones make room, the oldest first.
    let alive = certificate.send(server.address, "GET", "/livez", "");
    assert_eq!(alive.expect("room for a further connection").status, 200);
    drop((silent, server));

    let bounds = [("JOBS_HEADER_TIMEOUT", "200ms")];
    let server = Server::start(PROGRAM, dir.path(), &[&own[..], &bounds].concat());
    for bytes in [&begun[..], &[], b"G"] {
        let mut stream = TcpStream::connect(server.address).expect("the server listens");
        stream.write_all(bytes).expect("a new connection is open");
        let limit = Some(Duration::from_secs(30));
        stream
            .set_read_timeout(limit)
            .expect("a timeout can be set");
        let mut rest = Vec::new();
        // A reset ends the connection as well.
        if let Err(error) = stream.read_to_end(&mut rest) {
            let kind = error.kind();
            assert_eq!(kind, std::io::ErrorKind::ConnectionReset, "{bytes:?}");
        }
    }
}

#[test]
fn the_settings_of_tls_are_shown_and_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    Certificate::create(dir.path(), "one");
    Certificate::create(dir.path(), "two");
    transcript::check(
        PROGRAM,
        dir.path(),
        r"
        $ jobs config --tls-certificate one.pem | grep tls_
        tls_certificate one.pem --tls-certificate
        tls_key default
        $ jobs serve --bind 127.0.0.1:0 --tls-certificate one.pem
        error: cannot serve by TLS: the settings `tls_certificate` and `tls_key` belong together: give both
        [exit 1]
        $ jobs serve --bind 127.0.0.1:0 --tls-certificate one.pem --tls-key two.key
        error: cannot serve by TLS: two.key: the key does not belong to the certificate one.pem
        [exit 1]
        $ jobs serve --bind 127.0.0.1:0 --tls-certificate none.pem --tls-key one.key
        error: cannot serve by TLS: none.pem: No such file or directory (os error 2)
        [exit 1]
        $ jobs doctor --tls-certificate one.pem --tls-key two.key | grep certificate
        certificate problem two.key: the key does not belong to the certificate one.pem
        [exit 1]
        $ chmod 600 one.key; jobs doctor --tls-certificate one.pem --tls-key one.key | grep certificate
        certificate ok one.pem belongs to its key
        $ chmod 644 one.key; jobs doctor --tls-certificate one.pem --tls-key one.key | grep certificate
        certificate warning tls_key one.key: other users can read it: `chmod 600` it
        ",
    );
}
