//! Attacks over real connections: slow and oversized requests, floods, path tricks.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use jobs_runtime::http::HttpConfig;
use jobs_runtime::store::{ExecutionQuery, Role};
use jobs_runtime::{NewToken, Runtime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::API;

/// A deadline that a busy machine keeps as well.
const LONG: Duration = Duration::from_secs(60);

async fn serve(change: impl FnOnce(&mut HttpConfig)) -> (Runtime, SocketAddr) {
    let mut config = HttpConfig::default();
    change(&mut config);
    let runtime = Runtime::builder()
        .database("sqlite::memory:")
        .workers(false)
        .bind("127.0.0.1:0".parse().unwrap())
        .http(config)
        .start()
        .await
        .unwrap();
    let address = runtime.address().unwrap();
    (runtime, address)
}

/// Sends a text and returns all that comes back until the server closes.
async fn exchange(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LONG, stream.read_to_end(&mut answer)).await;
    // A reset after the response is an end as well.
    let _ = read.expect("the server ends the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

fn head(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n")
}

fn post(body: &str, headers: &str) -> String {
    let line = format!("POST {API}/jobs/send-letter/trigger");
    let length = format!("content-length: {}\r\n", body.len());
    let kind = "content-type: application/json\r\n";
    format!("{}{body}", head(&line, &format!("{length}{kind}{headers}")))
}

#[track_caller]
fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or(answer)
}

#[tokio::test]
async fn a_slow_head_ends_the_connection() {
    let (_runtime, address) =
        serve(|config| config.header_timeout = Duration::from_millis(200)).await;
    // Nothing at all, a part of a head, and a part of a second head.
    for part in ["", "GET /livez HTTP/1.1\r\nhost: local"] {
        let answer = exchange(address, part).await;
        assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let whole = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let answer = exchange(address, &format!("{whole}GET /li")).await;
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn a_body_that_stalls_is_answered_408() {
    let (runtime, address) = serve(|config| config.body_timeout = Duration::from_millis(200)).await;
    let whole = post(r#"{"payload":{"to":"alice"}}"#, "");
    let answer = exchange(address, &whole[..whole.len() - 3]).await;
    assert_eq!(status(&answer), "408", "{answer}");
    assert!(answer.contains("request_timeout"), "{answer}");
    assert!(answer.contains("nothing was done"), "{answer}");
    let stored = runtime
        .store()
        .list_executions(ExecutionQuery::newest(10))
        .await;
    assert!(stored.unwrap().executions.is_empty());
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_their_order() {
    let (_runtime, address) = serve(|_| {}).await;
    let keep = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let pipelined = format!(
        "{}{}{}",
        keep("/livez"),
        keep("/nothing"),
        head("GET /", "")
    );
    let answer = exchange(address, &pipelined).await;
    let statuses: Vec<_> = answer.matches("HTTP/1.1 ").collect();
    assert_eq!(statuses.len(), 3, "{answer}");
    let places = ["\"status\":\"ok\"", "not_found", "\"routes\""].map(|part| answer.find(part));
    assert!(places.is_sorted() && places[0].is_some(), "{answer}");
}

#[tokio::test]
async fn a_flood_of_idle_connections_locks_no_caller_out() {
    let (_runtime, address) = serve(|config| config.max_connections = 50).await;
    let mut idle = VecDeque::new();
    for _ in 0..10_000 {
        idle.push_back(TcpStream::connect(address).await.unwrap());
        if idle.len() > 200 {
            idle.pop_front();
        }
    }
    let answer = exchange(address, &head("GET /livez", "")).await;
    assert_eq!(status(&answer), "200", "{answer}");
}

#[tokio::test]
async fn oversized_heads_are_refused() {
    let (_runtime, address) = serve(|_| {}).await;
    let long = "x".repeat(100_000);
    let answer = exchange(address, &head(&format!("GET /livez?{long}"), "")).await;
    assert!(["414", "431"].contains(&status(&answer)), "{answer}");
    let answer = exchange(address, &head("GET /livez", &format!("x: {long}\r\n"))).await;
    assert_eq!(status(&answer), "431", "{answer}");
    let many: String = (0..200).map(|n| format!("x{n}: y\r\n")).collect();
    let answer = exchange(address, &head("GET /livez", &many)).await;
    assert_eq!(status(&answer), "431", "{answer}");
    let parameters: String = (0..2_000).map(|n| format!("p{n}=1&")).collect();
    let answer = exchange(
        address,
        &head(&format!("GET {API}/executions?{parameters}"), ""),
    )
    .await;
    assert_eq!(status(&answer), "400");
    let answer = exchange(address, &head("GET /livez", "")).await;
    assert_eq!(status(&answer), "200");
}

#[tokio::test]
async fn hostile_bodies_are_refused() {
    let (_runtime, address) = serve(|_| {}).await;
    let deep = format!(
        "{{\"payload\":{}{}}}",
        "[".repeat(500_000),
        "]".repeat(500_000)
    );
    let deep_object = format!(
        "{{\"payload\":{}1{}}}",
        "{\"a\":".repeat(100_000),
        "}".repeat(100_000)
    );
    for (body, headers, expected) in [
        (deep.as_str(), "", &["400", "404", "422"][..]),
        (&deep_object, "", &["400", "404", "422"]),
        (r#"{"priority":1,"priority":2}"#, "", &["400"]),
        ("{}", "content-encoding: gzip\r\n", &["415"]),
        ("{}", "origin: https://evil.example\r\n", &["403"]),
        ("{\"payload\":{}", "", &["400"]),
        ("\u{0}", "", &["400"]),
    ] {
        let answer = exchange(address, &post(body, headers)).await;
        let begin = &body[..body.len().min(40)];
        assert!(
            expected.contains(&status(&answer)),
            "{begin} {headers}: {answer}"
        );
    }
    // Two lengths, and a length beside chunks, smuggle requests past proxies.
    let twice = "content-length: 2\r\n";
    assert_eq!(
        status(&exchange(address, &post("{}{}", twice)).await),
        "400"
    );
    let chunked = "transfer-encoding: chunked\r\n";
    let answer = exchange(
        address,
        &post("0\r\n\r\nGET /docs HTTP/1.1\r\n\r\n", chunked),
    )
    .await;
    assert!(answer.matches("HTTP/1.1 ").count() <= 1, "{answer}");
    assert_eq!(
        status(&exchange(address, &head("GET /livez", "")).await),
        "200"
    );
}

#[tokio::test]
async fn cross_site_forms_change_nothing() {
    let (_runtime, address) = serve(|_| {}).await;
    let line = format!("POST {API}/queues/default/pause");
    for kind in [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain",
        "application/csp-report",
        "application/json; charset=utf-16",
        "",
    ] {
        for origin in [
            "https://evil.example",
            "null",
            "http://localhost.evil.example",
        ] {
            let headers =
                format!("origin: {origin}\r\ncontent-type: {kind}\r\ncontent-length: 2\r\n");
            let answer = exchange(address, &format!("{}{{}}", head(&line, &headers))).await;
            assert_eq!(status(&answer), "403", "{kind} {origin}: {answer}");
        }
        let headers = format!("content-type: {kind}\r\ncontent-length: 2\r\n");
        let answer = exchange(address, &format!("{}{{}}", head(&line, &headers))).await;
        assert_eq!(status(&answer), "415", "{kind}: {answer}");
    }
}

#[tokio::test]
async fn path_tricks_reach_nothing_without_a_token() {
    let (runtime, address) = serve(|_| {}).await;
    let new = NewToken {
        role: Role::Admin,
        name: None,
        lasts: None,
    };
    runtime.service().create_token(new).await.unwrap();
    for path in [
        "/livez/",
        "//livez",
        "/livez/../docs",
        "/livez/..%2fdocs",
        "/%6civez",
        "/LIVEZ",
        "/livez%00",
        "/livez;a=b",
        "/livez%2f..%2fdocs",
        "/api/v1/session/../workers/jobs",
        "/api/v1/workers/./jobs",
        "/api/v1/workers/jobs/..%2f..%2flivez",
        "/docs?/livez",
        "/docs#/livez",
    ] {
        let answer = exchange(address, &head(&format!("GET {path}"), "")).await;
        assert!(
            ["400", "401"].contains(&status(&answer)),
            "{path}: {answer}"
        );
    }
    for path in ["/livez", "/livez?x=/docs"] {
        assert_eq!(
            status(&exchange(address, &head(&format!("GET {path}"), "")).await),
            "200"
        );
    }
}

#[tokio::test]
async fn json_and_pages_are_compressed_and_streams_are_not() {
    let (_runtime, address) = serve(|_| {}).await;
    let gzip = "accept-encoding: gzip\r\n";
    for path in ["/docs", "/openapi.json"] {
        let answer = exchange(address, &head(&format!("GET {path}"), gzip)).await;
        assert_eq!(status(&answer), "200");
        assert!(answer.contains("content-encoding: gzip\r\n"), "{path}");
        let plain = exchange(address, &head(&format!("GET {path}"), "")).await;
        assert!(!plain.contains("content-encoding"), "{path}");
        assert!(plain.contains("vary: accept-encoding"), "{path}");
        assert!(answer.len() * 2 < plain.len(), "{path}");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = head(&format!("GET {API}/events"), gzip);
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut read = vec![0; 4_096];
    let mut text = String::new();
    while !text.contains("retry:") {
        let length = tokio::time::timeout(LONG, stream.read(&mut read))
            .await
            .unwrap()
            .unwrap();
        assert!(length > 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&read[..length]));
    }
    assert!(!text.contains("content-encoding"), "{text}");
}

#[tokio::test]
async fn other_sites_read_answers_only_if_the_settings_allow_it() {
    let (_runtime, address) =
        serve(|config| config.cors_origins = vec!["https://app.example".to_owned()]).await;
    let ask = async |origin: &str, line: &str, headers: &str| {
        let headers = format!("origin: {origin}\r\n{headers}");
        exchange(address, &head(line, &headers)).await
    };
    let preflight = "access-control-request-method: POST\r\n";
    let options = format!("OPTIONS {API}/jobs");
    let allowed = ask("https://app.example", &options, preflight).await;
    assert_eq!(status(&allowed), "204", "{allowed}");
    assert!(
        allowed.contains("access-control-allow-origin: https://app.example"),
        "{allowed}"
    );
    assert!(
        !allowed.contains("access-control-allow-credentials"),
        "{allowed}"
    );
    let read = ask("https://app.example", "GET /livez", "").await;
    assert_eq!(status(&read), "200");
    assert!(
        read.contains("access-control-allow-origin: https://app.example"),
        "{read}"
    );
    let other = ask("https://evil.example", &options, preflight).await;
    assert_eq!(status(&other), "403", "{other}");
    assert!(!other.contains("access-control"), "{other}");
}

#[tokio::test]
async fn every_answer_has_the_security_headers() {
    let (_runtime, address) = serve(|_| {}).await;
    for path in [
        "/livez",
        "/docs",
        "/nothing",
        "/api/v1/workers/jobs",
        "/openapi.json",
    ] {
        let answer = exchange(address, &head(&format!("GET {path}"), "")).await;
        for part in [
            "x-content-type-options: nosniff",
            "x-frame-options: DENY",
            "referrer-policy: no-referrer",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(answer.contains(part), "{path} lacks {part}");
        }
        assert!(answer.contains("frame-ancestors 'none'"), "{path}");
    }
}
