//! The Python worker with the extra `rabbitmq`: messages wake it, and it claims over HTTP.

use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tests::http;
use tests::process::{Server, prompt_dir, wait_for};
use tests::proxy::{Link, Proxy};
use tests::rabbitmq::{RabbitMq, url};

use super::amqp::Amqp;
use super::fleet::Fleet;

const JOB: &str = "kit.work";

/// A Python worker; killed when dropped.
struct PythonWorker(Child);

impl PythonWorker {
    /// Starts a worker of two slots. `store_poll` is the interval of its polls, in seconds.
    fn start(fleet: &Fleet, server: &Server, store_poll: &str) -> Self {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let child = Command::new(python())
            .arg(format!("{root}/tests/external/worker.py"))
            .arg("2")
            .env("JOBS_SERVER", format!("http://{}", server.address))
            .env("TEST_BROKER", &fleet.broker)
            .env("TEST_BROKER_PREFIX", &fleet.prefix)
            .env("TEST_STORE_POLL", store_poll)
            .env("PYTHONPATH", format!("{root}/clients/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .spawn();
        Self(child.expect("python starts"))
    }

    fn terminate(&mut self) -> Option<i32> {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()));
        let mut code = None;
        wait_for("the end of the Python worker", || {
            code = self.0.try_wait().unwrap();
            code.is_some()
        });
        code.and_then(|status| status.code())
    }
}

impl Drop for PythonWorker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Python with pika, of the virtual environment that `./test` makes in the build directory.
fn python() -> std::path::PathBuf {
    let this = std::env::current_exe().unwrap();
    // The test binary is `DIR/debug/deps/NAME`.
    let build = this.ancestors().nth(3).unwrap();
    let python = build.join("test-tools/bin/python");
    assert!(python.exists(), "{}: run ./test", python.display());
    python
}

fn succeeded(server: &Server) -> Vec<Value> {
    let path = format!("/api/v1/workers/executions?jobId={JOB}&status=succeeded&limit=1000");
    let page = http::get(server.address, &path).body;
    page["executions"].as_array().expect("a page").clone()
}

fn payloads(count: i64) -> Vec<Value> {
    let payload = |number| json!({"mode": "echo", "number": number});
    (0..count).map(payload).collect()
}

/// Waits until the worker consumes the broker queue of its job.
fn wait_for_consumer(fleet: &Fleet, broker: &str) {
    wait_for("the Python worker to consume", || {
        let queue = Amqp::connect(broker).queue(&fleet.queue(JOB));
        queue.is_some_and(|(_, consumers)| consumers > 0)
    });
}

/// The worker polls once, at its start, so that only messages can wake it.
#[test]
fn messages_wake_a_python_worker_that_claims_over_http() {
    let fleet = Fleet::on_sqlite();
    let server = fleet.relay();
    let mut worker = PythonWorker::start(&fleet, &server, "3600");
    wait_for_consumer(&fleet, &fleet.broker);
    http::trigger_all(server.address, JOB, &payloads(40));
    wait_for("forty successes", || succeeded(&server).len() == 40);
    let mut numbers = Vec::new();
    for execution in succeeded(&server) {
        assert_eq!(execution["attempt"], 1, "{execution}");
        numbers.push(execution["result"]["doubled"].as_i64().unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (0..40).map(|n| 2 * n).collect::<Vec<_>>());

    // A repeated message and one that cannot be read do no harm.
    let amqp = Amqp::connect(&fleet.broker);
    let done = succeeded(&server)[0]["id"].clone();
    let key = format!("jobs.{JOB}");
    let repeated = json!({"executionId": done, "jobId": JOB, "attempt": 1, "priority": 50});
    for message in [&*repeated.to_string(), "{", r#"{"executionId": "x"}"#] {
        amqp.publish(&fleet.exchange(), &key, message);
    }
    wait_for("two dead letters", || {
        let queue = Amqp::connect(&fleet.broker).queue(&fleet.dead_queue());
        queue.is_some_and(|(messages, _)| messages == 2)
    });
    wait_for("the broker queue to be empty", || {
        let queue = Amqp::connect(&fleet.broker).queue(&fleet.queue(JOB));
        queue.is_some_and(|(messages, _)| messages == 0)
    });
    assert_eq!(succeeded(&server).len(), 40);
    assert_eq!(worker.terminate(), Some(0));
}

/// Without the broker the worker polls; when it is back, messages wake the worker again.
#[test]
fn a_python_worker_survives_an_outage_of_the_broker() {
    let node = RabbitMq::shared();
    let proxy = Proxy::start(node.port());
    let database = "sqlite:jobs.db";
    let fleet = Fleet::with_broker(prompt_dir(), database, &url("app", proxy.port()));
    let server = fleet.relay();
    let _worker = PythonWorker::start(&fleet, &server, "1");
    wait_for_consumer(&fleet, &node.url());
    http::trigger_all(server.address, JOB, &payloads(10));
    wait_for("ten successes", || succeeded(&server).len() == 10);
    proxy.set(Link::Cut);
    http::trigger_all(server.address, JOB, &payloads(10));
    wait_for("ten more by polls", || succeeded(&server).len() == 20);
    proxy.set(Link::Intact);
    wait_for_consumer(&fleet, &node.url());
    http::trigger_all(server.address, JOB, &payloads(10));
    wait_for("all successes", || succeeded(&server).len() == 30);
}
