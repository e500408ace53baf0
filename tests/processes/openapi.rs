//! The OpenAPI document, checked by independent tools: the document itself, and the interface
//! against it.
//!
//! `./test` installs the tools.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tests::http;
use tests::process::{self, Server};

use crate::PROGRAM;

/// A program of the virtual environment that `./test` makes in the build directory.
fn tool(name: &str) -> PathBuf {
    let this = env::current_exe().unwrap();
    // The test binary is `DIR/debug/deps/NAME`.
    let build = this.ancestors().nth(3).unwrap();
    let tool = build.join("test-tools/bin").join(name);
    assert!(tool.exists(), "{} is missing: run ./test", tool.display());
    tool
}

/// Runs a tool and returns what it printed; fails with that if the tool does.
fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{printed}");
    printed
}

/// A server over a store with executions in several statuses and a token, and its document.
struct Seeded {
    server: Server,
    token: String,
    document: Value,
}

impl Seeded {
    fn start(dir: &std::path::Path) -> Self {
        let created = process::run(PROGRAM, dir, &["token", "create", "--role", "admin"]);
        assert_eq!(created.code, 0, "{created:?}");
        let mut seeded = Self {
            server: Server::start(PROGRAM, dir, &[]),
            token: created.out.trim().to_owned(),
            document: Value::Null,
        };
        for (job, body) in [
            ("test.add", json!({"payload": {"a": 1, "b": 2}})),
            ("test.panic", json!({"payload": {"message": "no"}})),
            ("test.nap", json!({"payload": {"millis": 86_400_000}})),
            (
                "test.add",
                json!({"payload": {"a": 1, "b": 2}, "delayMs": 86_400_000, "tags": ["later"]}),
            ),
        ] {
            let path = format!("/api/v1/workers/jobs/{job}/trigger");
            let answer = seeded.send("POST", &path, &body.to_string());
            assert_eq!(answer.status, 202, "{answer:?}");
        }
        seeded.document = seeded.send("GET", "/openapi.json", "").body;
        seeded
    }

    fn send(&self, method: &str, path: &str, body: &str) -> http::Answer {
        let header = format!("authorization: Bearer {}", self.token);
        http::send(self.server.address, method, path, &[&header], body)
    }
}

#[test]
fn the_document_is_valid_and_types_every_job() {
    let dir = tempfile::tempdir().unwrap();
    let Seeded { document, .. } = &Seeded::start(dir.path());
    let file = dir.path().join("openapi.json");
    fs::write(&file, document.to_string()).unwrap();
    run(Command::new(tool("openapi-spec-validator")).arg(&file));

    let trigger = &document["paths"]["/api/v1/workers/jobs/test.add/trigger"]["post"];
    let body = &trigger["requestBody"]["content"]["application/json"]["schema"];
    let payload = &body["properties"]["payload"]["$ref"];
    assert_eq!(
        payload, "#/components/schemas/payload.test.add",
        "{trigger}"
    );
    let schemas = &document["components"]["schemas"];
    assert_eq!(
        schemas["payload.test.add"]["required"],
        json!(["a", "b"]),
        "{schemas}"
    );
    assert_eq!(schemas["result.test.add"]["type"], "integer", "{schemas}");
}

#[test]
fn the_page_shows_the_document_without_scripts() {
    let dir = tempfile::tempdir().unwrap();
    let page = Seeded::start(dir.path()).send("GET", "/docs", "");
    assert_eq!(page.status, 200);
    for part in [
        "trigger.test.add",
        "/api/v1/workers/executions/{id}/cancel",
        "schema.payload.test.add",
    ] {
        assert!(page.text.contains(part), "the page lacks `{part}`");
    }
    for part in ["<script", "http://", "https://", " onclick"] {
        assert!(!page.text.contains(part), "the page has `{part}`");
    }
}

/// No 5xx, no undocumented status or content type, no body that differs from its schema, and no
/// accepted request that the document forbids.
///
/// One check is off: a request that fits the document can be refused. Rules between fields
/// (`delayMs` excludes `runAt`) and the payload of a retry are in no schema.
#[test]
fn the_interface_behaves_as_documented() {
    let dir = tempfile::tempdir().unwrap();
    let seeded = Seeded::start(dir.path());
    let file = dir.path().join("openapi.json");
    fs::write(&file, seeded.document.to_string()).unwrap();
    let long = env::var("JOBS_TEST_TIER").is_ok_and(|tier| tier == "full");
    let printed = run(Command::new(tool("schemathesis"))
        .arg("--config-file")
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/processes/schemathesis.toml"
        ))
        .arg("run")
        .arg(&file)
        .args(["--url", &format!("http://{}", seeded.server.address)])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", seeded.token),
        ])
        .args(["--seed", "7", "--workers", "1", "--no-color"])
        .args(["--max-examples", if long { "200" } else { "10" }])
        .args(["--exclude-checks", "positive_data_acceptance"])
        // The typed triggers differ in their payload alone: two of them stand for all.
        .args([
            "--exclude-path-regex",
            r"/jobs/(?!test\.(add|record)/)[^{/]+/trigger",
        ])
        // A stream has no end.
        .args(["--exclude-path", "/api/v1/workers/events"])
        .current_dir(dir.path()));
    assert!(
        printed.contains(" generated, "),
        "no case was tried: {printed}"
    );
}
