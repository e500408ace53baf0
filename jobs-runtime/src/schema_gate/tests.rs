//! Tests of the schema gate over the files in `cases/`: one change a file, named after it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Lock, Severity, compare_locks};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    document: String,
    old: Value,
    new: Value,
    /// `pointer: message` of every finding, in the order of the payload.
    expected: Vec<String>,
}

/// A lock with one job, whose payload or result has this schema.
fn lock(document: &str, schema: &Value) -> Lock {
    let other = json!({"type": "object"});
    let (payload, result) = match document {
        "payload" => (schema, &other),
        "result" => (&other, schema),
        document => panic!("no document is called `{document}`"),
    };
    locked(&[("job", &[], payload, result)])
}

fn locked(jobs: &[(&str, &[&str], &Value, &Value)]) -> Lock {
    let mut map = serde_json::Map::new();
    for (id, aliases, payload, result) in jobs {
        map.insert(
            (*id).to_owned(),
            json!({"aliases": aliases, "fingerprint": "", "payload": payload, "result": result}),
        );
    }
    serde_json::from_value(json!({"version": 1, "jobs": map})).expect("a lock")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/schema_gate/cases")
        .join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder of the cases");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    files
}

/// Compares the schemas of a file and returns `severity pointer: message` of each finding.
fn compare(file: &Path) -> (Case, Vec<(Severity, String)>) {
    let text = std::fs::read_to_string(file).expect("a readable file");
    let case: Case =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let (old, new) = (
        lock(&case.document, &case.old),
        lock(&case.document, &case.new),
    );
    let findings = compare_locks(&old, &new).into_iter();
    let findings = findings
        .map(|one| (one.severity, format!("{}: {}", one.pointer, one.message)))
        .collect();
    (case, findings)
}

fn check_folder(
    folder: &str,
    at_least: usize,
    has_severity: impl Fn(&[(Severity, String)]) -> bool,
) {
    let files = files(folder);
    assert!(files.len() >= at_least, "{} files in {folder}", files.len());
    let mut wrong = String::new();
    for file in files {
        let (case, findings) = compare(&file);
        let said: Vec<_> = findings.iter().map(|(_, text)| text.clone()).collect();
        if said != case.expected || !has_severity(&findings) {
            wrong.push_str(&format!(
                "{}:\n  expected {:#?}\n  found {findings:#?}\n",
                file.display(),
                case.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn breaking_changes_are_found_and_explained() {
    check_folder("breaking", 20, |findings| {
        findings
            .iter()
            .any(|(severity, _)| *severity == Severity::Breaking)
    });
}

#[test]
fn harmless_changes_pass() {
    check_folder("harmless", 20, |findings| {
        findings
            .iter()
            .all(|(severity, _)| *severity == Severity::Harmless)
    });
}

#[test]
fn a_schema_is_compatible_with_itself() {
    for file in files("breaking").into_iter().chain(files("harmless")) {
        let (case, _) = compare(&file);
        for schema in [&case.old, &case.new] {
            for document in ["payload", "result"] {
                let lock = lock(document, schema);
                assert_eq!(compare_locks(&lock, &lock), [], "{}", file.display());
                // Also when the texts differ, so that both are compared keyword by keyword.
                let mut titled = schema.clone();
                titled["title"] = json!("Another title");
                let other = self::lock(document, &titled);
                assert_eq!(compare_locks(&lock, &other), [], "{}", file.display());
            }
        }
    }
}

#[test]
fn jobs_that_come_go_and_change_their_ids() {
    let any = json!({"type": "object"});
    let old = locked(&[
        ("a", &["a0"], &any, &any),
        ("b", &[], &any, &any),
        ("c", &[], &any, &any),
    ]);
    let new = locked(&[
        ("a", &[], &any, &any),
        ("b2", &["b"], &any, &any),
        ("d", &[], &any, &any),
    ]);
    let found = compare_locks(&old, &new).into_iter();
    let found: Vec<_> = found
        .map(|one| {
            (
                one.severity,
                one.job_id,
                one.message.split(':').next().map(str::to_owned),
            )
        })
        .collect();
    let expected = [
        (Severity::Breaking, "c", "is gone"),
        (Severity::Breaking, "a", "no longer has the alias `a0`"),
        (Severity::Harmless, "b", "is an alias of `b2` now"),
        (Severity::Harmless, "d", "is new"),
    ];
    let expected =
        expected.map(|(severity, id, text)| (severity, id.to_owned(), Some(text.to_owned())));
    assert_eq!(found, expected);
}

/// `job: message` of every finding, up to the first colon of the message.
fn compare_jobs(old: &Lock, new: &Lock) -> Vec<(Severity, String)> {
    let findings = compare_locks(old, new).into_iter();
    let findings = findings.map(|one| {
        let message = one.message.split(':').next().unwrap_or_default().to_owned();
        (
            one.severity,
            format!("{}{}: {message}", one.job_id, one.pointer),
        )
    });
    findings.collect()
}

#[test]
fn an_alias_of_a_job_with_a_new_id_may_not_be_lost() {
    let any = json!({"type": "object"});
    let old = locked(&[("b", &["a"], &any, &any)]);
    let renamed = locked(&[("c", &["b"], &any, &any)]);
    let expected = [
        (
            Severity::Breaking,
            "b: no longer has the alias `a`".to_owned(),
        ),
        (Severity::Harmless, "b: is an alias of `c` now".to_owned()),
    ];
    assert_eq!(compare_jobs(&old, &renamed), expected);
    let with_both = locked(&[("c", &["a", "b"], &any, &any)]);
    assert_eq!(compare_jobs(&old, &with_both), expected[1..]);
    // A job that takes its old id back.
    let back = locked(&[("a", &["b"], &any, &any)]);
    let expected = [(Severity::Harmless, "b: is an alias of `a` now".to_owned())];
    assert_eq!(compare_jobs(&old, &back), expected);
}

#[test]
fn an_alias_without_a_job_is_breaking_when_its_job_is_gone() {
    let any = json!({"type": "object"});
    let old = locked(&[("b", &["a"], &any, &any)]);
    let expected = [
        (Severity::Breaking, "b: is gone".to_owned()),
        (
            Severity::Breaking,
            "b: no longer has the alias `a`".to_owned(),
        ),
    ];
    assert_eq!(compare_jobs(&old, &locked(&[])), expected);
}

#[test]
fn an_alias_may_move_to_another_job_or_become_an_id() {
    let any = json!({"type": "object"});
    let old = locked(&[("b", &["a"], &any, &any), ("c", &[], &any, &any)]);
    let moved = locked(&[("b", &[], &any, &any), ("c", &["a"], &any, &any)]);
    let expected = "a: was an alias of `b` and is one of `c` now".to_owned();
    assert_eq!(compare_jobs(&old, &moved), [(Severity::Harmless, expected)]);
    let split = locked(&[
        ("a", &[], &any, &any),
        ("b", &[], &any, &any),
        ("c", &[], &any, &any),
    ]);
    let expected = "a: was an alias of `b` and is a job of its own now".to_owned();
    assert_eq!(compare_jobs(&old, &split), [(Severity::Harmless, expected)]);
}

#[test]
fn an_alias_that_moves_is_compared_with_its_new_job() {
    let any = json!({"type": "object"});
    let strict = json!({
        "type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"],
    });
    let old = locked(&[("b", &["a"], &any, &any)]);
    let new = locked(&[("a", &[], &strict, &any), ("b", &[], &any, &any)]);
    let expected = [
        (Severity::Breaking, "a/x: is new and required".to_owned()),
        (
            Severity::Harmless,
            "a: was an alias of `b` and is a job of its own now".to_owned(),
        ),
    ];
    assert_eq!(compare_jobs(&old, &new), expected);
}

#[test]
fn a_lock_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("jobs.lock.json");
    assert_eq!(Lock::read(&file).expect("no error"), None);
    let lock = lock("payload", &json!({"type": "object"}));
    lock.write(&file).expect("written");
    assert_eq!(Lock::read(&file).expect("a lock"), Some(lock));
    std::fs::write(&file, r#"{"version": 2, "jobs": {}}"#).expect("written");
    let error = Lock::read(&file).expect_err("another version").to_string();
    assert!(error.contains("its version is 2"), "{error}");
}
