//! The documentation names tests and files that exist.

use std::path::{Path, PathBuf};

/// Every name in the tables of guarantees and of mutations is a test, or a requirement of the
/// conformance suite.
#[test]
fn the_table_of_guarantees_names_tests_that_exist() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = concat!(
        include_str!("../../docs/guarantees.md"),
        include_str!("../../docs/internals/mutations.md")
    );
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

/// Every relative link of the documentation leads to a file, and to a heading if it names one.
#[test]
fn links_of_the_documentation_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = Vec::new();
    markdown_files(&root, false, &mut pages);
    markdown_files(&root.join("docs"), true, &mut pages);
    let mut checked = 0;
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("it was listed");
        for target in links(&text).filter(|target| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => page.clone(),
                file => page.with_file_name(file),
            };
            assert!(file.exists(), "{}: no file for `{target}`", page.display());
            if !heading.is_empty() {
                let linked = std::fs::read_to_string(&file).expect("a page");
                let found = linked.lines().any(|line| anchor(line) == heading);
                assert!(found, "{}: no heading for `{target}`", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked >= 30, "{checked} links");
}

/// A decision has four headings, in their order, and at most 400 words.
#[test]
fn decisions_have_four_headings_and_few_words() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/decisions");
    let mut pages = Vec::new();
    markdown_files(&dir, false, &mut pages);
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("it was listed");
        let headings: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        let expected = ["Decision", "Why", "Rejected", "Consequences"];
        assert_eq!(headings, expected, "{}", page.display());
        let words = text.split_whitespace().count();
        assert!(words <= 400, "{}: {words} words", page.display());
    }
    assert!(pages.len() >= 8, "{} decisions", pages.len());
}

fn markdown_files(dir: &Path, recursive: bool, pages: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).expect("a directory");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() && recursive {
            markdown_files(&path, recursive, pages);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
}

/// The targets of the links outside of code blocks.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|prose| {
        let targets = prose.split("](").skip(1);
        targets.filter_map(|rest| rest.split(')').next())
    })
}

/// The anchor that a heading gets, as GitHub makes it; empty for other lines.
fn anchor(line: &str) -> String {
    let Some(title) = line.strip_prefix('#') else {
        return String::new();
    };
    let title = title.trim_start_matches('#').trim().to_lowercase();
    let kept = title
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
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
