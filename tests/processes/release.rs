//! The script `tools/release`, in a repository of its own, with a `cargo` that builds nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

const SCRIPT: &str = include_str!("../../tools/release");

const MANIFEST: &str = r#"[workspace.package]
version = "0.1.0"

[workspace.dependencies]
jobs = { path = "jobs", version = "=0.1.0" }
jobs-runtime = { path = "jobs-runtime", version = "=0.1.0" }
serde = { version = "1.0.229" }
"#;

/// Stands for `cargo`: its only build is a control plane of this many bytes.
fn cargo(bytes: usize) -> String {
    format!(
        "#!/bin/sh\nif [ \"$1\" = build ]; then\n  mkdir -p target/dist\n  \
         head -c {bytes} /dev/zero >target/dist/jobs-runtime\nfi\n"
    )
}

fn write(path: &Path, text: &str, is_program: bool) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, text).expect("written");
    let mode = if is_program { 0o755 } else { 0o644 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

/// Runs a shell line in the repository. Returns the exit code and everything that it printed.
fn shell(dir: &Path, line: &str) -> (i32, String) {
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {line}")])
        .current_dir(dir)
        .env("PATH", format!("{}/bin:{path}", dir.display()))
        .env_remove("CARGO_TARGET_DIR")
        .env("HOME", dir)
        .output()
        .expect("the shell starts");
    let out = String::from_utf8_lossy(&ran.stdout).into_owned();
    (ran.status.code().unwrap_or(-1), out)
}

#[test]
fn a_release_sets_versions_names_its_section_and_is_tagged() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    write(&dir.join("tools/release"), SCRIPT, true);
    write(&dir.join("bin/cargo"), &cargo(1_000), true);
    for check in [".ci/run", ".ci/long"] {
        write(&dir.join(check), "#!/bin/sh\n", true);
    }
    write(&dir.join("Cargo.toml"), MANIFEST, false);
    write(&dir.join("Cargo.lock"), "", false);
    write(&dir.join(".gitignore"), "target/\n", false);
    let changes = "# Changelog\n\n## Unreleased\n\n### Added\n\n* A release.\n";
    write(&dir.join("CHANGELOG.md"), changes, false);
    let commit = "git add --all && git commit --quiet --message more";
    let begin = "git init --quiet && git config user.name a && git config user.email a@b";
    assert_eq!(shell(dir, &format!("{begin} && {commit}")).0, 0);

    assert_eq!(shell(dir, "tools/release 1").0, 1, "no version");
    let (code, text) = shell(dir, "tools/release 0.1.0 --dry-run");
    assert_eq!(code, 0, "{text}");
    assert_eq!(shell(dir, "git status --porcelain").1, "", "it restores");

    let (code, text) = shell(dir, "tools/release 0.1.0");
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("cargo publish --package jobs-grammar"),
        "{text}"
    );
    let tag = shell(dir, "git tag --list --format='%(contents)' v0.1.0").1;
    assert!(tag.contains("### Added\n\n* A release."), "{tag}");
    assert!(tag.contains("no earlier version shares a store"), "{tag}");
    assert!(
        shell(dir, "tools/release 0.1.0")
            .1
            .contains("the tag v0.1.0 exists")
    );
    assert!(
        shell(dir, "tools/release 0.2.0")
            .1
            .contains("\"Unreleased\" of CHANGELOG.md is empty")
    );

    let more = "sed -i 's/^## Unreleased$/&\\n\\n* More./' CHANGELOG.md";
    assert_eq!(shell(dir, &format!("{more} && {commit}")).0, 0);
    assert!(
        shell(dir, "tools/release 0.0.9")
            .1
            .contains("is not newer than 0.1.0")
    );
    // A control plane that is too large stops the release, and restores the files.
    write(&dir.join("bin/cargo"), &cargo(20_000_000), true);
    assert_eq!(shell(dir, commit).0, 0);
    let (code, text) = shell(dir, "tools/release 0.2.0");
    assert!(
        code != 0 && text.contains("20000000 are the limit"),
        "{text}"
    );
    assert_eq!(shell(dir, "git status --porcelain").1, "", "it restores");

    write(&dir.join("bin/cargo"), &cargo(1_000), true);
    assert_eq!(shell(dir, commit).0, 0);
    let (code, text) = shell(dir, "tools/release 0.2.0");
    assert_eq!(code, 0, "{text}");
    let manifest = fs::read_to_string(dir.join("Cargo.toml")).expect("read");
    let expected = MANIFEST.replace("0.1.0", "0.2.0");
    assert_eq!(manifest, expected);
    let changes = fs::read_to_string(dir.join("CHANGELOG.md")).expect("read");
    assert!(changes.contains("\n## 0.2.0, "), "{changes}");
    assert!(
        changes.contains("Workers of 0.1.0 and of this version share a store"),
        "{changes}"
    );
}
