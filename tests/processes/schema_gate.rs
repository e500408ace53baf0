//! The command `check` over two versions of a program, and the commands that describe the program.

use serde_json::Value;
use tests::process::run;

use super::PROGRAM;

const PREVIOUS: &str = env!("CARGO_BIN_EXE_previous");
const NEXT: &str = env!("CARGO_BIN_EXE_next");

#[test]
fn check_finds_what_the_next_version_breaks() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();

    let first = run(PREVIOUS, dir, &["check"]);
    assert_eq!(first.code, 2, "{first:?}");
    assert!(
        first.err.contains("write it with `check --update`"),
        "{first:?}"
    );

    let written = run(PREVIOUS, dir, &["check", "--update"]);
    assert_eq!(written.code, 0, "{written:?}");
    assert_eq!(written.out, "jobs.lock.json written: 7 jobs, no changes\n");
    let same = run(PREVIOUS, dir, &["check"]);
    assert_eq!(
        (same.code, &*same.out),
        (0, "7 jobs compared with jobs.lock.json: no changes\n")
    );

    let next = run(NEXT, dir, &["check"]);
    assert_eq!(next.code, 1, "{next:?}");
    let expected = "\
BREAKING  upgrade.changed payload/b: is new and required: give it a default, or make it an `Option`
BREAKING  upgrade.converted payload/subject: was required and is gone: the values that callers send \
are lost
BREAKING  upgrade.converted payload/user: is new and required: give it a default, or make it an \
`Option`
BREAKING  upgrade.removed: is gone: callers get an error, and its waiting executions have no \
handler. If it has a new id, keep the old one in `aliases`
BREAKING  upgrade.renamed payload/subject: was required and is gone: the values that callers send \
are lost
BREAKING  upgrade.renamed payload/user: is new and required: give it a default, or make it an `Option`
harmless  upgrade.strict payload/b: is new and optional
harmless  upgrade.added: is new
7 jobs compared with jobs.lock.json: 6 of 8 changes are breaking
";
    assert_eq!(next.out, expected);
    let json = run(NEXT, dir, &["check", "--json"]);
    let json: Value = serde_json::from_str(&json.out).expect("JSON");
    assert_eq!(json["findings"][0]["pointer"], "/b", "{json}");
    assert_eq!(json["findings"][0]["severity"], "breaking", "{json}");

    // An update shows what it accepts.
    let accepted = run(NEXT, dir, &["check", "--update"]);
    assert_eq!(accepted.code, 0, "{accepted:?}");
    assert!(
        accepted.out.contains("BREAKING  upgrade.removed"),
        "{accepted:?}"
    );
    assert_eq!(run(NEXT, dir, &["check"]).code, 0);

    std::fs::write(dir.join("jobs.lock.json"), "{}").expect("written");
    let broken = run(NEXT, dir, &["check"]);
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(
        broken.err.contains("jobs.lock.json is no lock of jobs"),
        "{broken:?}"
    );
}

#[test]
fn check_finds_waiting_executions_that_the_next_version_refuses() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    for args in [
        ["upgrade.changed", "--a", "1"],
        ["upgrade.kept", "--n", "1"],
        ["upgrade.converted", "--subject", "a"],
    ] {
        let triggered = run(PREVIOUS, dir, &[&["trigger"], &args[..]].concat());
        assert_eq!(triggered.code, 0, "{triggered:?}");
    }
    for (program, code) in [(PREVIOUS, 0), (NEXT, 1)] {
        assert_eq!(run(program, dir, &["check", "--update"]).code, 0);
        let checked = run(program, dir, &["check", "--waiting"]);
        assert_eq!(checked.code, code, "{checked:?}");
        assert!(
            checked.out.contains("3 waiting executions checked"),
            "{checked:?}"
        );
        let refused = "upgrade.changed: 1 waiting executions have payloads that it refuses";
        assert_eq!(checked.out.contains(refused), code == 1, "{checked:?}");
    }
}

#[test]
fn the_program_describes_itself() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    let openapi = run(PROGRAM, dir, &["openapi"]);
    let document: Value = serde_json::from_str(&openapi.out).expect("JSON");
    assert_eq!(document["openapi"], "3.1.0", "{openapi:?}");
    assert!(
        openapi.out.contains("test.add"),
        "the typed trigger of a job is missing"
    );

    let completions = run(PROGRAM, dir, &["completions", "bash"]);
    assert_eq!(completions.code, 0, "{completions:?}");
    assert!(
        completions.out.contains("complete -F _worker"),
        "{completions:?}"
    );

    let manual = run(PROGRAM, dir, &["man", "pages"]);
    assert_eq!(manual.code, 0, "{manual:?}");
    let page = std::fs::read_to_string(dir.join("pages/worker-check.1")).expect("a page");
    assert!(page.contains("\\-\\-waiting"), "{page}");
    // None of these commands creates a store.
    assert!(!dir.join("jobs.db").exists());
}
