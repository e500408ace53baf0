//! The documentation names tests that exist.

use std::path::Path;

/// Every name in the table of guarantees is a test, or a point of the conformance suite.
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
