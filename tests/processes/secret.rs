//! `#[sensitive]`: a planted secret is in nothing that HTTP, the command line, the program's log
//! and the events emit.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tests::http;
use tests::process::{Server, run, wait_for};

use super::PROGRAM;

const JOB: &str = "test.leaks";

/// The planted values. No other text of the test contains them.
const SECRETS: [&str; 3] = ["hunter2-by-name", "hunter2-by-alias", "hunter2-deep"];

/// What all of them have in common, also where a part of one is quoted.
const PLANTED: &str = "hunter2";

/// Everything that was emitted, each part with its origin.
#[derive(Default)]
struct Emitted(Vec<(String, String)>);

impl Emitted {
    fn add(&mut self, origin: impl Into<String>, text: impl Into<String>) {
        self.0.push((origin.into(), text.into()));
    }

    fn answer(&mut self, origin: &str, answer: &http::Answer) {
        self.add(origin, format!("{}\n{}", answer.head, answer.text));
    }

    /// Runs a command of the program.
    fn command(&mut self, dir: &Path, args: &[&str]) {
        let ran = run(PROGRAM, dir, args);
        self.add(args.join(" "), format!("{}\n{}", ran.out, ran.err));
    }
}

/// Reads the stream of events until the server ends.
fn listen(address: SocketAddr) -> Arc<Mutex<Vec<u8>>> {
    let mut stream = TcpStream::connect(address).unwrap();
    let request = format!("GET /api/v1/workers/events HTTP/1.1\r\nhost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let heard = Arc::<Mutex<Vec<u8>>>::default();
    let events = Arc::clone(&heard);
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Ok(1..) = stream.read(&mut part).inspect(|length| {
            events.lock().unwrap().extend(&part[..*length]);
        }) {}
    });
    heard
}

/// Every route without a body that the document names, for these executions.
fn paths(document: &Value, executions: &[String]) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let readable = paths
        .iter()
        .filter(|(_, methods)| methods.get("get").is_some());
    let mut found = Vec::new();
    for (path, _) in readable.filter(|(path, _)| !path.ends_with("/events")) {
        if path.contains("/executions/{id}") {
            found.extend(executions.iter().map(|id| path.replace("{id}", id)));
        } else {
            found.push(path.replace("{id}", JOB));
        }
    }
    found
}

#[test]
fn nothing_that_is_emitted_contains_a_sensitive_value() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let mut emitted = Emitted::default();
    // What a handler logs is in the program's log as it is. The level keeps it out; the store has
    // it all the same.
    let settings = [("JOBS_LOG", "warn"), ("JOBS_LOG_ATTEMPTS", "true")];
    let server = Server::start(PROGRAM, dir, &settings);
    let address = server.address;
    let events = listen(address);
    let trigger = |emitted: &mut Emitted, body: Value| {
        let path = format!("/api/v1/workers/jobs/{JOB}/trigger");
        let answer = http::post(address, &path, &body.to_string());
        emitted.answer(&format!("trigger {}", answer.status), &answer);
        answer
    };

    let card = json!({"number": "hunter2-deep", "codes": ["hunter2-deep"]});
    let mut executions = Vec::new();
    for how in ["fail", "result", "permanent", "wait"] {
        for name in ["token", "pass"] {
            let secret = SECRETS[usize::from(name == "pass")];
            let payload = json!({name: secret, "card": card, "how": how});
            let answer = trigger(&mut emitted, json!({"payload": payload}));
            assert_eq!(answer.status, 202, "{answer:?}");
            executions.push(answer.body["executionId"].as_str().unwrap().to_owned());
            let answer = trigger(&mut emitted, json!({"payload": payload, "dryRun": true}));
            assert_eq!(answer.status, 200, "{answer:?}");
        }
    }
    // Payloads that are refused: by the schema, and by the deserialiser.
    for payload in [
        json!({"token": ["hunter2"], "card": card, "how": "fail"}),
        json!({"token": "hunter2", "card": {"number": "hunter2!", "codes": 1}, "how": "x"}),
        json!({"token": "hunter2", "card": {"number": "hunter2!", "codes": []}, "how": "x"}),
        json!({"token": "hunter2", "card": "hunter2", "how": "hunter2"}),
    ] {
        let answer = trigger(&mut emitted, json!({"payload": payload}));
        assert_eq!(answer.status, 422, "{answer:?}");
    }

    let finals = ["succeeded", "failed"];
    wait_for("the executions to end", || {
        let done = executions[..6].iter().filter(|id| {
            let status = http::execution(address, id)["status"].clone();
            finals.iter().any(|last| status == *last)
        });
        done.count() == 6
    });

    // The operator's acts, with masks that are sent back.
    let masked = json!({"payload": {"token": "•••", "card": "•••", "how": "fail"}}).to_string();
    let waiting = format!("/api/v1/workers/executions/{}", executions[6]);
    let edited = http::send(address, "PATCH", &waiting, &[], &masked);
    emitted.answer("edit", &edited);
    let failed = format!("/api/v1/workers/executions/{}/retry", executions[0]);
    let retried = http::post(address, &failed, &masked);
    emitted.answer("retry", &retried);

    let document = http::get(address, "/openapi.json");
    let paths = paths(&document.body, &executions);
    assert!(paths.len() > 30, "{paths:?}");
    for path in &paths {
        emitted.answer(path, &http::get(address, path));
    }
    let all = "/api/v1/workers/executions?limit=100";
    emitted.answer(all, &http::get(address, all));

    for id in &executions {
        for command in ["execution", "logs", "explain"] {
            emitted.command(dir, &[command, id]);
            emitted.command(dir, &[command, id, "--json"]);
        }
    }
    for args in [
        &["executions"][..],
        &["executions", "--json"],
        &["failures"],
        &["failures", "--json"],
        &["audit", "--json"],
        &["limits", "--json"],
        &["queues", "--json"],
        &["processes", "--json"],
        &["list", "--json"],
        &["show", JOB],
        &["schema"],
        &["openapi"],
        &[
            "trigger", JOB, "--token", "hunter2", "--how", "fail", "--card", "hunter2",
        ],
    ] {
        emitted.command(dir, args);
    }
    emitted.command(dir, &["cancel", &executions[7]]);

    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log:?}");
    emitted.add("the log", log.join("\n"));
    let events = events.lock().unwrap();
    let events = String::from_utf8_lossy(&events);
    assert!(events.contains(&executions[0]), "{events}");
    emitted.add("the events", events);

    let leaks: Vec<&(String, String)> = emitted
        .0
        .iter()
        .filter(|(_, text)| text.contains(PLANTED))
        .collect();
    assert!(leaks.is_empty(), "{leaks:#?}");
    // The handler has quoted the secrets, and the masks are where they were.
    let shown = |part: &str| emitted.0.iter().any(|(_, text)| text.contains(part));
    for part in [
        "the token ••• is refused",
        "used •••",
        "halfway with •••",
        r#""token":"•••""#,
        r#""card":"•••""#,
    ] {
        assert!(shown(part), "nothing contains `{part}`");
    }
}
