//! The features of the published crates: `docs/packaging.md` explains each, and `.ci/long` checks
//! each alone.

use std::collections::BTreeSet;

use super::files;

fn read(path: &str) -> String {
    let path = files::root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The features of a manifest, without `default` and those that begin with `_`.
fn features(manifest: &str) -> BTreeSet<String> {
    let manifest = read(manifest);
    let lines = manifest.lines().skip_while(|line| *line != "[features]");
    let lines = lines.skip(1).take_while(|line| !line.starts_with('['));
    let names = lines.filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()));
    let names = names.filter_map(|line| line.split_once(" = "));
    names
        .map(|(name, _)| name.to_owned())
        .filter(|name| name != "default")
        .collect()
}

/// The first cells of the tables below a line that contains `start`.
fn explained(page: &str, start: &str) -> BTreeSet<String> {
    let below = page.lines().skip_while(|line| !line.starts_with(start));
    let rows = below
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.split('`').nth(1));
    cells.map(str::to_owned).collect()
}

/// The words of the loop over features that a command follows.
fn checked(script: &str, command: &str) -> BTreeSet<String> {
    let at = script.find(command).expect("the command is there");
    let loop_line = script[..at].lines().rev();
    let line = loop_line
        .map(str::trim)
        .find(|line| line.starts_with("for feature in"));
    let words = line.expect("a loop over features").trim_end_matches("; do");
    words
        .split_whitespace()
        .skip(3)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_feature_is_explained_and_checked_alone() {
    let page = read("docs/packaging.md");
    let script = read(".ci/long");
    for (manifest, start, command) in [
        ("jobs/Cargo.toml", "`jobs`,", "-p jobs --features"),
        (
            "jobs-runtime/Cargo.toml",
            "`jobs-runtime`,",
            "-p jobs-runtime --no-default-features --features",
        ),
    ] {
        let features = features(manifest);
        assert!(features.len() >= 4, "{manifest}: {features:?}");
        assert_eq!(
            explained(&page, start),
            features,
            "docs/packaging.md, {manifest}"
        );
        assert_eq!(checked(&script, command), features, ".ci/long, {manifest}");
    }
}
