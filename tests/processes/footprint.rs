//! What an application that only defines jobs compiles.

use std::process::Command;

/// Neither a database nor a server nor an async runtime comes with `jobs`.
#[test]
fn jobs_stays_light() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            "jobs",
            "--edges",
            "normal",
        ])
        .args(["--prefix", "none", "--format", "{p} [{f}]"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    let tree = String::from_utf8(tree.stdout).expect("text");
    assert!(tree.contains("jobs-macros"), "a tree of crates: {tree}");
    for heavy in ["sqlx", "axum", "hyper", "mio", "clap", "jsonschema"] {
        let found = tree
            .lines()
            .find(|line| line.starts_with(&format!("{heavy} ")));
        assert_eq!(found, None);
    }
    // Its synchronisation primitives only: no reactor, no scheduler, no timer.
    for line in tree.lines().filter(|line| line.starts_with("tokio v")) {
        assert!(
            line.contains("[default,sync]") || line.contains("[sync]"),
            "{line}"
        );
    }
    let crates: std::collections::HashSet<_> = tree.lines().map(|l| l.split(" [").next()).collect();
    assert!(crates.len() <= 45, "{} crates: {tree}", crates.len());
}
