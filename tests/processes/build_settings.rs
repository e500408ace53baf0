//! A program whose build has features of `serde_json` that change all JSON of its graph, and
//! `panic = "abort"`. Its clock of tokio can be paused. It is a project of its own: in the
//! workspace, all tests would get these.

use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::http;
use tests::process::{Server, is_full_tier, run, wait_for};

const SOURCE: &str = include_str!("build_settings/main.rs");

/// Writes the project beside a copy of the workspace's versions, and builds it.
fn build(dir: &Path) -> String {
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let clone = clone.canonicalize().expect("the repository");
    let clone = clone.display();
    let manifest = format!(
        r#"[package]
name = "unusual"
version = "0.1.0"
edition = "2024"

[dependencies]
axum = {{ version = "0.8", default-features = false }}
jobs = {{ path = "{clone}/jobs" }}
jobs-runtime = {{ path = "{clone}/jobs-runtime" }}
schemars = "1"
serde = {{ version = "1", features = ["derive"] }}
serde_json = {{ version = "1", features = ["arbitrary_precision", "preserve_order", "unbounded_depth"] }}
tokio = {{ version = "1", features = ["rt", "test-util"] }}
tower = {{ version = "0.5", features = ["util"] }}

[profile.dev]
panic = "abort"
debug = false
"#
    );
    std::fs::create_dir(dir.join("src")).expect("created");
    std::fs::write(dir.join("Cargo.toml"), manifest).expect("written");
    std::fs::write(dir.join("src/main.rs"), SOURCE).expect("written");
    std::fs::copy(format!("{clone}/Cargo.lock"), dir.join("Cargo.lock")).expect("copied");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-settings");
    let built = Command::new(env!("CARGO"))
        .arg("build")
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", &target)
        .status();
    assert!(built.is_ok_and(|status| status.success()), "it builds");
    target.join("debug/unusual").display().to_string()
}

#[test]
fn numbers_are_exact_and_panics_are_announced_under_unusual_build_settings() {
    if !is_full_tier() {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let program = &build(dir.path());

    // More digits than a float has, an integer beyond 64 bits, a float without a fraction.
    let payload = r#"{"float":0.1,"small":1e3,"largest":340282366920938463463374607431768211455,
        "least":-9223372036854775808,"any":{"z":1.00,"a":[12345678901234567890.123456789]},
        "floats":[1,2.5,-0.0]}"#;
    let ran = run(
        program,
        dir.path(),
        &["exec", "numbers.echo", "--payload", payload],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    for part in [
        r#""float": 0.1"#,
        r#""small": 1000.0"#,
        r#""largest": "340282366920938463463374607431768211455""#,
        r#""least": -9223372036854775808"#,
        r#"12345678901234567890.123456789"#,
    ] {
        assert!(ran.out.contains(part), "{part} in {}", ran.out);
    }
    let kept = ran.out.find(r#""z": 1.00"#).zip(ran.out.find(r#""a": ["#));
    assert!(kept.is_some_and(|(z, a)| z < a), "{}", ran.out);

    let wrong = payload.replace(r#""float":0.1"#, r#""float":"a tenth""#);
    let ran = run(
        program,
        dir.path(),
        &["exec", "numbers.echo", "--payload", &wrong],
    );
    assert_ne!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("float"), "{ran:?}");

    // The clock of an application's runtime may be paused, as in its own tests.
    let ran = run(program, dir.path(), &["paused"]);
    assert_eq!(
        ran.out, "attempts: 1, slept: true, over HTTP: 202 Accepted, in time: true\n",
        "{ran:?}"
    );

    let server = Server::start(program, dir.path(), &[]);
    let announced = server.logged(&["panic = ", "ends this process"]);
    assert_eq!(announced.len(), 1, "{:?}", server.logged(&[]));
    let payload = json!({ "float": 0.25 });
    let id = http::trigger(server.address, "numbers.relay", &payload);
    let mut result = json!(null);
    wait_for("the typed client's execution", || {
        result = http::execution(server.address, &id)["result"].clone();
        !result.is_null()
    });
    assert_eq!(result["float"], json!(0.25));
    assert_eq!(result["largest"], u128::MAX.to_string());
    assert_eq!(result["floats"], json!([0.25]));
}
