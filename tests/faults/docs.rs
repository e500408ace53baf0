//! The documentation names tests that exist.

use std::path::Path;

/// Every name in the table of guarantees is a test, or a requirement of the conformance suite.
#[test]
fn the_table_of_guarantees_names_tests_that_exist() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = include_str!("../../docs/guarantees.md");
    let points = include_str!("../../docs/conformance.md");
    let mut checked = 0;
    for row in table.lines().filter(|line| line.starts_with('|')) {
        let words = row.split('`').skip(1).step_by(2);
        for (file, name) in words.filter_map(|word| word.split_once("::")) {
            let exists = match file {
                "conformance" => points.contains(&format!("| `{name}` |")),
                _ => std::fs::read_to_string(tests.join(file))
                    .is_ok_and(|source| has_test(&source, name)),
            };
            assert!(exists, "no test `{file}::{name}`: {row}");
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked} names");
}

/// So is every file that README.md names.
#[test]
fn the_readme_names_files_of_tests_that_exist() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = include_str!("../../README.md");
    let rows = readme.lines().filter(|line| line.starts_with('|'));
    let words = rows.flat_map(|row| row.split('`').skip(1).step_by(2));
    let files: Vec<_> = words.filter(|word| word.ends_with(".rs")).collect();
    for file in &files {
        assert!(tests.join(file).is_file(), "there is no {file}");
    }
    assert!(files.len() >= 12, "{files:?}");
}

/// Whether there is such a function, with the attribute that makes it a test.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().collect();
    let head = format!("fn {name}(");
    let found = lines.iter().position(|line| line.contains(&head));
    found.is_some_and(|at| {
        let above = lines[..at].iter().rev();
        let mut attributes = above.take_while(|line| line.starts_with('#'));
        attributes.any(|line| line.contains("test"))
    })
}
