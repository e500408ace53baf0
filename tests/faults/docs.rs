//! Checks of the documentation: its links, the tests that it names, and the form of decisions.

use std::path::{Path, PathBuf};

/// Every `file::name` in the tables of guarantees and mutations is a test, or a requirement of the
/// conformance suite.
#[test]
fn tables_of_guarantees_and_mutations_name_existing_tests() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = concat!(
        include_str!("../../docs/guarantees.md"),
        include_str!("../../docs/internals/mutations.md")
    );
    let requirements = include_str!("../../docs/conformance.md");
    let mut checked = 0;
    for row in table.lines().filter(|line| line.starts_with('|')) {
        let words = row.split('`').skip(1).step_by(2);
        for (file, name) in words.filter_map(|word| word.split_once("::")) {
            let exists = match file {
                "conformance" => requirements.contains(&format!("| `{name}` |")),
                _ => std::fs::read_to_string(tests.join(file))
                    .is_ok_and(|source| has_test(&source, name)),
            };
            assert!(exists, "no test `{file}::{name}`: {row}");
            checked += 1;
        }
    }
    assert!(checked >= 30, "only {checked} names were found");
}

/// Every relative link of the documentation names an existing file, and an existing heading.
#[test]
fn links_of_the_documentation_have_targets() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut pages = Vec::new();
    markdown_files(&root, false, &mut pages);
    markdown_files(&root.join("docs"), true, &mut pages);
    let mut checked = 0;
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("a listed page is readable");
        for target in links(&text).filter(|target| !target.contains("://")) {
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => page.clone(),
                file => page.with_file_name(file),
            };
            assert!(file.exists(), "{}: no file for `{target}`", page.display());
            if !heading.is_empty() {
                let linked = std::fs::read_to_string(&file).expect("a linked page is readable");
                let found = linked.lines().any(|line| anchor(line) == heading);
                assert!(found, "{}: no heading for `{target}`", page.display());
            }
            checked += 1;
        }
    }
    assert!(checked >= 30, "only {checked} links were found");
}

/// A decision has the four headings, in their order, and at most 400 words.
#[test]
fn decisions_have_four_headings_and_at_most_400_words() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/decisions");
    let mut pages = Vec::new();
    markdown_files(&dir, false, &mut pages);
    for page in &pages {
        let text = std::fs::read_to_string(page).expect("a listed page is readable");
        let headings: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("## "))
            .collect();
        let expected = ["Decision", "Why", "Rejected", "Consequences"];
        assert_eq!(headings, expected, "{}", page.display());
        let words = text.split_whitespace().count();
        assert!(words <= 400, "{}: {words} words", page.display());
    }
    assert!(
        pages.len() >= 8,
        "only {} decisions were found",
        pages.len()
    );
}

fn markdown_files(dir: &Path, recursive: bool, pages: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(dir).expect("a directory of the repository can be listed");
    for path in entries.map(|entry| entry.expect("an entry can be read").path()) {
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

/// The anchor that GitHub gives to a heading; empty for other lines.
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

/// True if the source has a function of this name with a test attribute.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().collect();
    let head = format!("fn {name}(");
    let found = lines.iter().position(|line| line.contains(&head));
    found.is_some_and(|at| {
        let above = lines[..at].iter().rev();
        let mut attributes = above.take_while(|line| line.trim_start().starts_with('#'));
        attributes.any(|line| line.contains("test"))
    })
}
