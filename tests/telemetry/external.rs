//! A trace that goes through a Python worker, which a message of RabbitMQ has woken, and through
//! requests by SQL.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use tests::http;
use tests::postgres::Postgres;
use tests::process::{Server, wait_for};
use tests::rabbitmq::RabbitMq;

use super::PROGRAM;
use super::collector::{Behaviour, Collector, Protocol, attribute};
use super::traces::{CALLER, TRACE, hex, named, settings};

/// A Python worker; killed when dropped.
struct PythonWorker(Child);

impl PythonWorker {
    /// Starts a worker that polls once, at its start: later only messages wake it.
    fn start(address: std::net::SocketAddr, broker: &str, prefix: &str) -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let this = std::env::current_exe().unwrap();
        // The test binary is `DIR/debug/deps/NAME`.
        let python = this
            .ancestors()
            .nth(3)
            .unwrap()
            .join("test-tools/bin/python");
        assert!(python.exists(), "{}: run ./test", python.display());
        let child = Command::new(python)
            .arg(Path::new(root).join("tests/external/worker.py"))
            .arg("1")
            .env("JOBS_SERVER", format!("http://{address}"))
            .env("TEST_BROKER", broker)
            .env("TEST_BROKER_PREFIX", prefix)
            .env("TEST_STORE_POLL", "3600")
            .env("PYTHONPATH", Path::new(root).join("clients/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .spawn();
        Self(child.expect("python starts"))
    }
}

impl Drop for PythonWorker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn one_trace_through_the_broker_and_a_python_worker() {
    let collector = Collector::start(Behaviour::Takes);
    let dir = tempfile::tempdir().unwrap();
    let broker = RabbitMq::shared().url();
    let prefix = format!("trace-{}", std::process::id());
    let mut variables = collector.variables(Protocol::Http, "edge");
    variables.push(("JOBS_BROKER".to_owned(), broker.clone()));
    variables.push(("JOBS_BROKER_PREFIX".to_owned(), prefix.clone()));
    let edge = Server::start_serving_only(PROGRAM, dir.path(), &settings(&variables));
    let worker = PythonWorker::start(edge.address, &broker, &prefix);

    let parent = format!("00-{TRACE}-{CALLER}-01");
    let answer = http::post_with(
        edge.address,
        "/api/v1/workers/jobs/kit.work/trigger",
        &json!({"payload": {"mode": "trace"}, "correlationId": "c-1"}).to_string(),
        &[("traceparent", &parent)],
    );
    assert_eq!(answer.status, 202, "{answer:?}");
    let id = answer.body["executionId"].as_str().unwrap().to_owned();
    let mut execution = json!({});
    wait_for("the execution to end", || {
        execution = http::execution(edge.address, &id);
        execution["status"] == "succeeded"
    });
    let log = format!("/api/v1/workers/executions/{id}/logs");
    let log = http::get(edge.address, &log).body;
    drop(worker);
    assert_eq!(edge.terminate().0, Some(0));

    let taken = collector.taken();
    let of_trace =
        |span: &opentelemetry_proto::tonic::trace::v1::Span| hex(&span.trace_id) == TRACE;
    let spans: Vec<_> = taken
        .spans
        .iter()
        .filter(|(_, span)| of_trace(span))
        .cloned()
        .collect();
    let names: Vec<_> = spans.iter().map(|(_, span)| &*span.name).collect();
    let sends = named(&spans, "send kit.work");
    let attempts = named(&spans, "process kit.work");
    let ([(_, send)], [(service, first), (_, second)]) = (&*sends, &*attempts) else {
        panic!("{names:?}");
    };
    assert_eq!((service.as_str(), first.kind, second.kind), ("edge", 5, 5));
    assert_eq!(first.parent_span_id, send.span_id);
    assert_eq!(second.parent_span_id, send.span_id);
    assert_eq!(second.links[0].span_id, first.span_id);
    assert!(first.end_time_unix_nano > first.start_time_unix_nano);
    let text = |span: &opentelemetry_proto::tonic::trace::v1::Span, name: &str| {
        attribute(&span.attributes, name)
    };
    assert_eq!(text(first, "error.type").as_deref(), Some("failed"));
    assert!(text(second, "error.type").is_none());
    assert_eq!(text(second, "messaging.message.id").as_deref(), Some(&*id));
    assert_eq!(text(second, "jobs.attempt").as_deref(), Some("2"));
    // The worker gets the context of its attempt's span, for spans of its own.
    let lines = log["lines"].as_array().unwrap().iter();
    let told: Vec<_> = lines
        .filter_map(|line| line["fields"]["traceParent"].as_str())
        .collect();
    let expected = [first, second].map(|span| format!("00-{TRACE}-{}-01", hex(&span.span_id)));
    assert_eq!(told, expected, "{log}");
    let exception = taken
        .records
        .iter()
        .find(|one| one.event_name == "exception" && hex(&one.trace_id) == TRACE);
    assert_eq!(exception.unwrap().span_id, first.span_id);
}

#[test]
fn a_request_by_sql_continues_the_trace_of_its_caller() {
    let collector = Collector::start(Behaviour::Takes);
    let dir = tempfile::tempdir().unwrap();
    let server = Postgres::shared();
    let url = server.fresh_url();
    let schema = url.rsplit('=').next().unwrap();
    let mut variables = collector.variables(Protocol::Http, "worker");
    variables.push(("JOBS_DATABASE".to_owned(), url.clone()));
    let worker = Server::start(PROGRAM, dir.path(), &settings(&variables));
    let call = format!(
        r#"SELECT {schema}.enqueue('test.add', '{{"a": 1, "b": 2}}',
            traceparent => '00-{TRACE}-{CALLER}-01')"#
    );
    let id = server.sql("postgres", &call);
    wait_for("the execution to end", || {
        // Unknown until it is taken in.
        let path = format!("/api/v1/workers/executions/{id}");
        http::get(worker.address, &path).body["status"] == "succeeded"
    });
    assert_eq!(worker.terminate().0, Some(0));
    let taken = collector.taken();
    let sends = named(&taken.spans, "send test.add");
    let attempts = named(&taken.spans, "process test.add");
    let ([(_, send)], [(_, attempt)]) = (&*sends, &*attempts) else {
        panic!("{sends:?} {attempts:?}");
    };
    assert_eq!(
        (hex(&send.trace_id), hex(&send.parent_span_id)),
        (TRACE.to_owned(), CALLER.to_owned())
    );
    assert_eq!(attempt.parent_span_id, send.span_id);
    let by = attribute(&send.attributes, "jobs.triggered_by");
    assert_eq!(by.as_deref(), Some("sql"));
}
