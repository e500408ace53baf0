//! An HTTP client for the tests: one request per connection, without a dependency.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The status line and the headers, unparsed.
    pub head: String,
    /// The body as text.
    pub text: String,
    /// The body as JSON; `null` if it is not JSON.
    pub body: Value,
}

/// Sends `GET path`.
pub fn get(address: SocketAddr, path: &str) -> Answer {
    send(address, "GET", path, &[], "")
}

/// Sends `POST path` with a JSON body.
pub fn post(address: SocketAddr, path: &str, body: &str) -> Answer {
    send(address, "POST", path, &[], body)
}

/// Sends `POST path` with a JSON body and further headers.
pub fn post_with(address: SocketAddr, path: &str, body: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"));
    let headers: Vec<_> = headers.collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    send(address, "POST", path, &headers, body)
}

/// Sends a request with further header lines, such as `authorization: Bearer …`.
pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    exchange(connect(address), address, method, path, headers, body)
}

/// Connects, and bounds the time of reads.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .expect("the timeout of a socket can be set");
    stream
}

/// Sends a request on a connection, and reads until its end.
pub(crate) fn exchange(
    mut stream: impl Read + Write,
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &str,
) -> Answer {
    let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{headers}content-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream
        .write_all(text.as_bytes())
        .expect("the server reads the request");
    let mut answer = String::new();
    stream
        .read_to_string(&mut answer)
        .expect("the server answers within 30 s");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        text: body.to_owned(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

/// Triggers a job and returns the id of its execution.
pub fn trigger(address: SocketAddr, job: &str, payload: &Value) -> String {
    let path = format!("/api/v1/workers/jobs/{job}/trigger");
    let body = serde_json::json!({ "payload": payload });
    let answer = post(address, &path, &body.to_string());
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.body["executionId"].as_str();
    id.expect("a response has the execution's id").to_owned()
}

/// Triggers one batch of executions of a job.
pub fn trigger_batch(address: SocketAddr, job: &str, payloads: &[Value]) {
    let path = format!("/api/v1/workers/jobs/{job}/trigger-batch");
    let executions: Vec<_> = payloads
        .iter()
        .map(|payload| serde_json::json!({ "payload": payload }))
        .collect();
    let body = serde_json::json!({ "executions": executions });
    let answer = post(address, &path, &body.to_string());
    assert_eq!(answer.status, 202, "{answer:?}");
}

/// Triggers any number of executions, in batches of 50.
pub fn trigger_all(address: SocketAddr, job: &str, payloads: &[Value]) {
    for batch in payloads.chunks(50) {
        trigger_batch(address, job, batch);
    }
}

/// Reads an execution with its attempts.
pub fn execution(address: SocketAddr, id: &str) -> Value {
    let answer = get(address, &format!("/api/v1/workers/executions/{id}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}
