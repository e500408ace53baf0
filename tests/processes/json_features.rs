//! A program that enables features of `serde_json`: features are shared by all crates of a program.

use std::path::Path;
use std::process::Command;

use tests::process::is_full_tier;

/// Builds the crate `json-features` with the versions of this workspace. The build takes minutes,
/// because most crates depend on `serde_json`. It is a workspace of its own, so that the features
/// reach no other test.
#[test]
fn the_features_of_serde_json_change_no_payload() {
    if !is_full_tier() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let krate = root.join("tests/json-features");
    std::fs::copy(root.join("Cargo.lock"), krate.join("Cargo.lock")).unwrap();
    let ran = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline", "--manifest-path"])
        .arg(krate.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(root.join("target/json-features"))
        .env_remove("JOBS_TEST_TIER")
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{printed}");
    assert_eq!(
        String::from_utf8_lossy(&ran.stdout).trim(),
        "ok",
        "{printed}"
    );
}
