//! The request guard: `Host`, `Origin`, content type, response headers and the deadline.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::jobs::{BoxFuture, Clock};
use axum::body::Body;
use axum::http::{Request, header};
use futures_util::stream;

use crate::support::{API, Answer, Api, request};

#[tokio::test]
async fn the_host_must_name_this_machine() {
    let api = Api::new().await;
    let with_host = |host: &str| {
        Request::builder()
            .uri("/livez")
            .header(header::HOST, host)
            .body(Body::empty())
            .unwrap()
    };
    for host in ["localhost", "127.0.0.1:8091", "[::1]:8091"] {
        api.send(with_host(host)).await.is_ok();
    }
    for host in ["evil.example", "localhost.evil.example:8091", "10.0.0.1"] {
        api.send(with_host(host))
            .await
            .is_problem(421, "host_not_allowed");
    }
    let none = Request::builder()
        .uri("/livez")
        .body(Body::empty())
        .unwrap();
    api.send(none).await.is_problem(421, "host_not_allowed");
    let absolute = request("GET", "http://evil.example/livez");
    api.send(absolute.body(Body::empty()).unwrap())
        .await
        .is_problem(421, "host_not_allowed");
}

#[tokio::test]
async fn requests_from_pages_of_other_sites_are_rejected() {
    let api = Api::new().await;
    let with_origin = |origin: &str| {
        request("GET", "/livez")
            .header(header::ORIGIN, origin)
            .body(Body::empty())
            .unwrap()
    };
    api.send(with_origin("http://localhost:8091")).await.is_ok();
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "localhost",
    ] {
        api.send(with_origin(origin))
            .await
            .is_problem(403, "origin_not_allowed");
    }
}

#[tokio::test]
async fn writes_must_be_declared_as_json() {
    let api = Api::new().await;
    let path = format!("{API}/jobs/send-letter/trigger");
    let body = r#"{"payload":{"to":"alice"}}"#;
    for kind in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/json; charset=latin1"),
    ] {
        let mut request = request("POST", &path);
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let answer = api.send(request.body(Body::from(body)).unwrap()).await;
        answer.is_problem(415, "unsupported_media_type");
    }
    assert_eq!(api.stored().await, 0);
}

#[tokio::test]
async fn responses_forbid_sniffing_and_caching() {
    let api = Api::new().await;
    let answer = api.get("/livez").await;
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
}

/// A clock whose sleeps complete at once or never, by their length.
struct SleeplessClock(fn(Duration) -> bool);

impl Clock for SleeplessClock {
    fn now(&self) -> SystemTime {
        Clock::now(&jobs_runtime::SystemClock::new())
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        if (self.0)(duration) {
            Box::pin(std::future::ready(()))
        } else {
            Box::pin(std::future::pending())
        }
    }
}

/// The answer to a trigger whose body never ends, by a clock on which only some times are over.
async fn answer_to_an_endless_body(is_over: fn(Duration) -> bool) -> Answer {
    let api = Api::with_clock(Arc::new(SleeplessClock(is_over))).await;
    let endless = Body::from_stream(stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = request("POST", &format!("{API}/jobs/send-letter/trigger"))
        .header(header::CONTENT_TYPE, "application/json")
        .body(endless)
        .unwrap();
    api.send(request).await
}

/// A body has 25 seconds, and a whole request 30.
#[tokio::test]
async fn a_body_and_a_request_have_deadlines() {
    let slow_body = answer_to_an_endless_body(|time| time <= Duration::from_secs(25)).await;
    slow_body.is_problem(408, "request_timeout");
    let slow_request = answer_to_an_endless_body(|time| time > Duration::from_secs(25)).await;
    slow_request.is_problem(503, "deadline_exceeded");
}
