//! A worker in Rust without a client library, for the conformance kit. Its settings are
//! `JOBS_SERVER` and `JOBS_TOKEN`.
//!
//! It shows what a worker in another language needs: a poll, heartbeats per lease, and ends that
//! are sent until they are answered.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Semaphore, watch};
use tokio::time::sleep;

const SLOTS: u32 = 2;

/// The answer to a request: its status, its body, and `Retry-After` in seconds.
type Answer = (u16, Value, u64);

/// Sends a request. `None` if there is no answer.
async fn post(path: &str, body: &Value) -> Option<Answer> {
    let server = std::env::var("JOBS_SERVER").ok()?;
    let host = server.trim_start_matches("http://").trim_end_matches('/');
    let token = std::env::var("JOBS_TOKEN").unwrap_or_default();
    let text = body.to_string();
    let request = format!(
        "POST /api/v1/workers{path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    );
    let mut stream = TcpStream::connect(host).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let header = |line: &str| line.strip_prefix("retry-after: ")?.parse().ok();
    let pause = head.to_lowercase().lines().find_map(header).unwrap_or(0);
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((
        status,
        serde_json::from_str(body).unwrap_or_default(),
        pause,
    ))
}

/// Sends a request until the server gives an answer that will not change.
async fn insist(path: &str, body: &Value) -> (u16, Value) {
    let mut pause = Duration::from_millis(250);
    loop {
        match post(path, body).await {
            Some((status, body, _)) if status != 429 && status < 500 => return (status, body),
            _ => sleep(pause).await,
        }
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}

/// Sends heartbeats until the lease is lost, and says why the handler has to stop.
async fn heartbeats(path: String, interval: Duration, stop: watch::Sender<Option<String>>) {
    loop {
        let wait = if stop.borrow().is_some() {
            0
        } else {
            interval.as_millis()
        };
        let body = json!({"waitMs": u64::try_from(wait).unwrap_or(0)});
        let (status, answer) = insist(&format!("{path}/heartbeat"), &body).await;
        let reason = if status == 200 {
            answer["interrupt"].as_str()
        } else {
            Some("lost")
        };
        if let Some(reason) = reason {
            stop.send_replace(Some(reason.to_owned()));
            sleep(interval).await;
        }
        if status != 200 {
            return;
        }
    }
}

/// The handler of the kit's job. Returns the verb and the body of the end.
async fn handle(
    lease: &Value,
    path: &str,
    mut stop: watch::Receiver<Option<String>>,
) -> (&'static str, Value) {
    let report = async |body: Value| insist(&format!("{path}/heartbeat"), &body).await;
    let line = |line, level, message| json!({"line": line, "level": level, "message": message});
    match lease["payload"]["mode"].as_str().unwrap_or_default() {
        "wait" => {
            let _ = stop.wait_for(Option::is_some).await;
            return ("fail", json!({"message": "stopped"}));
        }
        "error" => return ("fail", json!({"message": "kit error"})),
        "permanent" => return ("fail", json!({"message": "no use", "permanent": true})),
        "snooze" => return ("fail", json!({"message": "later", "snoozeMs": 60_000})),
        "wrong" => return ("succeed", json!({"result": {"doubled": "two"}})),
        "deaf" => sleep(Duration::from_secs(2)).await,
        "progress" => {
            report(json!({"progress": 25, "message": "quarter"})).await;
            sleep(Duration::from_millis(500)).await;
            report(json!({"progress": 75})).await;
        }
        "log" => {
            let lines = [
                line(1, "info", "one"),
                line(2, "warn", "two"),
                line(3, "error", "three"),
            ];
            report(json!({"logs": lines})).await;
        }
        _ => {}
    }
    let doubled = lease["payload"]["number"].as_i64().unwrap_or(0) * 2;
    (
        "succeed",
        json!({"result": {"doubled": doubled, "attempt": lease["attempt"]}}),
    )
}

/// Executes an attempt and reports its end.
async fn run(lease: Value, interval: Duration) {
    let path = format!("/leases/{}", lease["token"].as_str().unwrap_or_default());
    let (stop, stopped) = watch::channel(None);
    let beats = tokio::spawn(heartbeats(path.clone(), interval, stop));
    let (verb, body) = handle(&lease, &path, stopped.clone()).await;
    if stopped.borrow().as_deref() != Some("lost") {
        let (status, answer) = insist(&format!("{path}/{verb}"), &body).await;
        if verb == "succeed" && matches!(status, 400 | 413 | 422) {
            let failure = json!({"message": answer["detail"], "permanent": true});
            insist(&format!("{path}/fail"), &failure).await;
        }
    }
    beats.abort();
}

/// Polls, with growing pauses while the server does not answer.
async fn poll(slots: Arc<Semaphore>) {
    let id = format!("reference-{}", std::process::id());
    let mut pause = Duration::from_millis(250);
    loop {
        let Ok(first) = slots.clone().acquire_owned().await else {
            return;
        };
        let more = u32::try_from(slots.available_permits()).unwrap_or(0);
        let body = json!({"workerId": id, "language": "rust", "jobs": ["kit.work"],
                          "max": 1 + more, "waitMs": 20_000});
        let Some((200, answer, _)) = post("/leases", &body).await else {
            drop(first);
            sleep(pause.max(Duration::from_secs(2))).await;
            pause = (pause * 2).min(Duration::from_secs(10));
            continue;
        };
        pause = Duration::from_millis(250);
        let interval = Duration::from_millis(answer["heartbeatMs"].as_u64().unwrap_or(10_000));
        drop(first);
        for lease in answer["leases"].as_array().into_iter().flatten().cloned() {
            let Ok(slot) = slots.clone().acquire_owned().await else {
                return;
            };
            tokio::spawn(async move {
                run(lease, interval).await;
                drop(slot);
            });
        }
    }
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let slots = Arc::new(Semaphore::new(SLOTS as usize));
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        () = poll(Arc::clone(&slots)) => {}
        _ = terminate.recv() => {}
    }
    // Waits for the running attempts. The poll has ended with its connection.
    let _ = slots.acquire_many(SLOTS).await;
    Ok(())
}
