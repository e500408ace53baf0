//! The page `docs/first-job.md`, followed from an empty directory: its files and its commands.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use tests::http;
use tests::process::{Server, is_full_tier, wait_for};

const PAGE: &str = include_str!("../../docs/first-job.md");

/// The code blocks of the page in this language, in their order.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let parts = PAGE.split(&*fence).skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

/// Runs a command line of the page and returns its standard output.
fn shell(line: &str, dir: &Path, target: &Path) -> (bool, String) {
    let ran = Command::new("sh")
        .args(["-c", line])
        .current_dir(dir)
        .env("CARGO_TARGET_DIR", target)
        // The lines of a backtrace are not what this test is about.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env_remove("JOBS_TEST_TIER")
        .output()
        .expect("the shell starts");
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    let err = String::from_utf8_lossy(&ran.stderr);
    println!("$ {line}\n{out}{err}");
    (ran.status.success(), out)
}

#[test]
fn the_first_job_works_as_its_page_says() {
    if !is_full_tier() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-job");
    let clone = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let clone = clone.canonicalize().expect("the repository");
    symlink(&clone, place.path().join("jobs")).expect("a link to the clone");

    let commands = blocks("console");
    let lines: Vec<_> = commands
        .iter()
        .flat_map(|block| block.lines())
        .filter_map(|line| line.strip_prefix("$ "))
        .collect();
    assert_eq!(lines[..2], ["cargo new letters", "cd letters"], "{lines:?}");
    let (created, _) = shell(lines[0], place.path(), &target);
    assert!(created, "`cargo new` works");
    let dir = place.path().join("letters");
    std::fs::write(dir.join("Cargo.toml"), blocks("toml")[0]).expect("written");
    std::fs::write(dir.join("src/main.rs"), blocks("rust")[0]).expect("written");
    // The versions that the tests of the workspace ran with.
    std::fs::copy(clone.join("Cargo.lock"), dir.join("Cargo.lock")).expect("copied");

    let exec = "cargo run -- exec letters.send --to alice --copies 2";
    assert_eq!(lines[2], exec);
    let (ran, out) = shell(exec, &dir, &target);
    assert!(ran && out.ends_with("{\n  \"letters\": 2\n}\n"), "{out}");
    assert_eq!(lines[3], "cargo test");
    assert!(
        shell("cargo test", &dir, &target).0,
        "the test of the page passes"
    );
    let (ran, _) = shell(lines[4], &dir, &target);
    assert!(!ran, "a wrong payload is refused");

    // The last two commands: the program serves, and the call of the page triggers the job.
    assert_eq!(lines[5], "cargo run");
    let program = target.join("debug/letters");
    let server = Server::start(program.to_str().expect("a path"), &dir, &[]);
    let page = http::get(server.address, "/docs");
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("<html"), "{}", page.text);
    assert!(lines[6].starts_with("curl -X POST"), "{lines:?}");
    let id = http::trigger(server.address, "letters.send", &json!({ "to": "bob" }));
    wait_for("the letter of the page", || {
        http::execution(server.address, &id)["result"] == json!({ "letters": 1 })
    });
    assert_eq!(lines.len(), 7, "the page says how many commands to type");
}
