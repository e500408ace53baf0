//! Texts that users wrote, shown on a terminal: none reaches it raw.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tests::http;
use tests::process::{Ran, Server, run, wait_for};
use tests::transcript;

use super::PROGRAM;

/// Clears the screen, writes the clipboard, overwrites its line, forges a line, reorders text.
const HOSTILE: &str =
    "\u{1b}[2J\u{1b}]52;c;cm0=\u{7}a\rb\nforged\u{9b}2J\u{202e}c\u{7f}\u{2028}forged";

/// The part of it that an enqueue accepts in options. It rejects control characters there.
const REORDERED: &str = "a\u{202e}c\u{2028}forged";

/// Fails if a command printed a control character or a forged line.
fn check(ran: &Ran, what: &str) {
    for text in [&ran.out, &ran.err] {
        check_text(text, what);
    }
}

fn check_text(text: &str, what: &str) {
    let raw = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202e}' | '\u{2028}')
    };
    let found: Vec<char> = text.chars().filter(|c| raw(*c)).collect();
    assert!(found.is_empty(), "{what} printed {found:?}:\n{text:?}");
    let forged = text.lines().find(|line| line.starts_with("forged"));
    assert_eq!(forged, None, "{what} printed:\n{text}");
}

/// Runs a command in every format, and checks its output. Returns the JSON document.
fn show(dir: &Path, args: &[&str]) -> Value {
    let text = run(PROGRAM, dir, args);
    check(&text, &format!("{args:?}"));
    let ran = run(PROGRAM, dir, &[args, &["--json"]].concat());
    check(&ran, &format!("{args:?} --json"));
    serde_json::from_str(&ran.out).unwrap_or(Value::Null)
}

#[test]
fn stored_texts_are_escaped_in_every_output() {
    let dir = tempfile::tempdir().expect("a directory");
    let settings = [("JOBS_LABELS", REORDERED), ("JOBS_LOG", "info")];
    let server = Server::start(PROGRAM, dir.path(), &settings);
    let request = json!({
        "payload": { "text": HOSTILE },
        "itemId": REORDERED,
        "correlationId": REORDERED,
        "createdBy": REORDERED,
        "tags": [REORDERED],
    });
    let mut ids = Vec::new();
    for job in ["test.hostile", "test.echo"] {
        let path = format!("/api/v1/workers/jobs/{job}/trigger");
        let triggered = http::post(server.address, &path, &request.to_string());
        let id = triggered.body["executionId"].as_str();
        ids.push(id.unwrap_or_else(|| panic!("{triggered:?}")).to_owned());
    }
    for id in &ids {
        wait_for("the execution to end", || {
            let shown = show(dir.path(), &["execution", id]);
            !shown["finishedAt"].is_null()
        });
    }
    let [failed, echoed] = &ids[..] else {
        panic!("two executions: {ids:?}");
    };

    let shown = show(dir.path(), &["execution", failed]);
    assert_eq!(shown["payload"]["text"], HOSTILE);
    assert_eq!(shown["error"]["message"], HOSTILE);
    assert_eq!(shown["attempts"][0]["outcome"], "panicked");
    assert_eq!(shown["itemId"], REORDERED);
    assert_eq!(show(dir.path(), &["execution", echoed])["result"], HOSTILE);
    let logs = show(dir.path(), &["logs", failed]);
    assert_eq!(logs["lines"][0]["message"], HOSTILE);
    let processes = show(dir.path(), &["processes"]);
    assert!(processes.to_string().contains("forged"), "{processes}");
    for args in [
        &["executions"][..],
        &["executions", "--item", REORDERED],
        &["logs", failed, "--follow"],
        &["explain", failed],
        &["explain", echoed],
        &["queues"],
        &["doctor"],
        &["list"],
        &["show", "test.hostile"],
        &["schema"],
        &["trigger", "test.hostile", "--help"],
        &["exec", "test.hostile", "--help"],
        &["exec", "test.hostile", "--text", HOSTILE],
        &["trigger", "test.hostile", "--text", HOSTILE, "--wait"],
        &["retry", failed],
    ] {
        show(dir.path(), args);
    }
    let (code, log) = server.terminate();
    let log = log.join("\n");
    check_text(&log, "the log of `run`");
    assert_eq!(code, Some(0), "{log}");
    assert!(
        log.contains("panicked at") && log.contains("forged"),
        "{log}"
    );
}

#[test]
fn arguments_and_settings_are_escaped_in_messages() {
    let dir = tempfile::tempdir().expect("a directory");
    run(
        PROGRAM,
        dir.path(),
        &["trigger", "test.echo", "--text", "x"],
    );
    for args in [
        &[HOSTILE][..],
        &["list", HOSTILE],
        &["show", HOSTILE],
        &["explain", HOSTILE],
        &["trigger", HOSTILE],
        &["trigger", "test.echo", HOSTILE],
        &["trigger", "test.echo", "--field", HOSTILE],
        &["trigger", "test.echo", "--payload", HOSTILE],
        &["trigger", "test.echo", "--text", "x", "--item", HOSTILE],
        &["executions", "--status", HOSTILE],
        &["executions", "--job", HOSTILE],
        &["queues", "pause", HOSTILE],
        &["config", "--bind", HOSTILE],
        &["config", "--database", HOSTILE],
        &["list", "--database", &format!("sqlite:{HOSTILE}/jobs.db")],
        &["doctor", "--database", &format!("sqlite:{HOSTILE}/jobs.db")],
        &["move", "--from", "sqlite:jobs.db", "--to", HOSTILE],
        &["work", "--until-idle", "--queues", HOSTILE],
        &["work", "--until-idle", "--label", HOSTILE],
    ] {
        show(dir.path(), args);
    }
    for (name, value) in [
        ("JOBS_BIND", HOSTILE),
        ("JOBS_DATABASE", HOSTILE),
        ("JOBS_QUEUES", HOSTILE),
        ("JOBS_LIMITS", HOSTILE),
        ("JOBS_LOG", HOSTILE),
    ] {
        let output = Command::new(PROGRAM)
            .arg("config")
            .env(name, value)
            .current_dir(dir.path())
            .output();
        let output = output.expect("the program starts");
        for stream in [output.stdout, output.stderr] {
            check_text(&String::from_utf8_lossy(&stream), name);
        }
    }
    std::fs::write(dir.path().join("jobs.toml"), format!("bind = '{HOSTILE}")).expect("written");
    check(&run(PROGRAM, dir.path(), &["config"]), "a broken jobs.toml");
}

/// What `work` prints on a terminal. `script` runs it on a pseudo-terminal.
fn on_a_terminal(dir: &Path, settings: &str) -> String {
    let typed = format!(
        "jobs trigger test.flaky --successful 2 > /dev/null; export PROGRAM {settings}; \
         script -qec '\"$PROGRAM\" work --until-idle' /dev/null"
    );
    transcript::type_command(PROGRAM, dir, &typed)
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let coloured = "\u{1b}[3";
    let shown = on_a_terminal(dir.path(), "TERM=xterm NO_COLOR=");
    assert!(shown.contains(coloured), "{shown:?}");
    assert!(shown.contains("attempt failed"), "{shown:?}");
    let shown = on_a_terminal(dir.path(), "TERM=xterm NO_COLOR=1");
    assert!(shown.contains("attempt failed"), "{shown:?}");
    assert!(!shown.contains(coloured), "{shown:?}");
    let shown = on_a_terminal(dir.path(), "TERM=dumb NO_COLOR=");
    assert!(shown.contains("attempt failed"), "{shown:?}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}
