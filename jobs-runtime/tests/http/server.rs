//! The server on a real socket: the curl lines of the README, and shutdown.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::support::{API, Api};

/// Sends a raw request and returns the head and the body of the response.
async fn exchange(port: u16, request: &[u8]) -> (String, String) {
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (mut read, mut write) = stream.into_split();
    let mut answer = String::new();
    // Like most clients, it reads the response only after sending the whole request.
    write.write_all(request).await.unwrap();
    read.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost:8091\r\nconnection: close\r\n\r\n").into_bytes()
}

fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost:8091\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn serves_until_shutdown() {
    let api = Api::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    jobs_runtime::http::check_bind(address, false).unwrap();
    let shutdown = CancellationToken::new();
    let server = tokio::spawn(jobs_runtime::http::serve(
        listener,
        api.router(),
        shutdown.clone(),
    ));
    let port = address.port();

    let (head, _) = exchange(port, &get("/health")).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (_, jobs) = exchange(port, &get(&format!("{API}/jobs"))).await;
    assert!(jobs.contains("provision-member"), "{jobs}");
    let body =
        r#"{ "payload": { "workspaceId": "ws-1", "subject": "user:alice", "role": "member" } }"#;
    let trigger = format!("{API}/jobs/provision-member/trigger");
    let (head, triggered) = exchange(port, &post(&trigger, body)).await;
    assert!(head.starts_with("HTTP/1.1 202"), "{head}");
    assert!(triggered.contains("executionId"), "{triggered}");
    let (_, executions) = exchange(port, &get(&format!("{API}/executions?limit=10"))).await;
    assert!(executions.contains("ws-1"), "{executions}");

    let large = format!(
        r#"{{"payload":{{"subject":"{}"}}}}"#,
        "x".repeat(10 * 1024 * 1024)
    );
    let (head, problem) = exchange(port, &post(&trigger, &large)).await;
    assert!(head.starts_with("HTTP/1.1 413"), "{head}");
    assert!(problem.contains("payload_too_large"), "{problem}");

    // An open event stream does not delay the shutdown.
    let mut listening = TcpStream::connect(address).await.unwrap();
    let request = get(&format!("{API}/events"));
    listening.write_all(&request).await.unwrap();
    let mut received = vec![0; 4_096];
    let mut length = 0;
    while !String::from_utf8_lossy(&received[..length]).contains("retry:") {
        length += listening.read(&mut received[length..]).await.unwrap();
    }

    shutdown.cancel();
    listening.read_to_end(&mut Vec::new()).await.unwrap();
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
