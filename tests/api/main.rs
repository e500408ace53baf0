//! The public API of the crates that applications depend on, as a list in this repository.
//!
//! A change to a public name or signature fails here until the list is written again with
//! `UPDATE_GOLDENS=1 cargo test -p tests --test api`, so that a review sees it. Derived and
//! automatic trait implementations are left out.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Builds the documentation of all libraries as JSON, once. Returns the directory.
///
/// The format is unstable, so rustdoc runs through `api/rustdoc.sh`, which permits it. The version
/// of the crate `public-api` belongs to the format of the pinned toolchain. The whole workspace is
/// documented, because its dependencies are then those that `cargo doc` and clippy have checked.
fn documented() -> &'static Path {
    static DIRECTORY: LazyLock<PathBuf> = LazyLock::new(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let ran = Command::new(env!("CARGO"))
            .args(["doc", "--quiet", "--workspace", "--lib", "--no-deps"])
            .arg("--all-features")
            .env("RUSTDOC", root.join("tests/api/rustdoc.sh"))
            .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json")
            .current_dir(&root)
            .output();
        let ran = ran.expect("cargo can be started");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(ran.status.success(), "rustdoc failed: {said}");
        let target = std::env::var_os("CARGO_TARGET_DIR");
        target
            .map_or(root.join("target"), PathBuf::from)
            .join("doc")
    });
    &DIRECTORY
}

/// The public items of a crate, one a line.
fn listed(package: &str) -> String {
    let json = format!("{}.json", package.replace('-', "_"));
    let api = public_api::Builder::from_rustdoc_json(documented().join(json))
        .omit_auto_derived_impls(true)
        .omit_auto_trait_impls(true)
        .omit_blanket_impls(true)
        .build();
    let api = api.expect("the JSON is of the format that `public-api` reads");
    let mut list = String::new();
    for item in api.items() {
        list.push_str(&format!("{item}\n"));
    }
    list
}

/// The lines of one list that the other lacks. The order of the lines follows that of the `impl`
/// blocks, which is no part of an API.
fn missing(from: &str, other: &str) -> Vec<String> {
    let others: Vec<_> = other.lines().collect();
    let lines = from.lines().filter(|line| !others.contains(line));
    lines.map(str::to_owned).collect()
}

fn compare(package: &str) {
    let list = listed(package);
    assert!(
        list.lines().count() > 50,
        "the list of {package} is short: {list}"
    );
    let name = format!("api/{package}.txt");
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&file, &list).expect("the list can be written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    let (added, removed) = (missing(&list, &kept), missing(&kept, &list));
    assert!(
        added.is_empty() && removed.is_empty(),
        "the public API of {package} differs from tests/{name}.\nadded: {added:#?}\nremoved: {removed:#?}",
    );
}

#[test]
fn the_api_of_jobs_is_as_listed() {
    compare("jobs");
}

#[test]
fn the_api_of_the_runtime_is_as_listed() {
    compare("jobs-runtime");
}
