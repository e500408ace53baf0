//! The glossary: each term stands once, has one line, and is in use.

use std::collections::BTreeSet;

use super::files;

/// The terms of the glossary, in their order.
fn terms() -> Vec<(String, String)> {
    let page = std::fs::read_to_string(files::root().join("docs/glossary.md"));
    let page = page.expect("the glossary is there");
    let rows = page.lines().filter(|line| line.starts_with("| "));
    let rows = rows.filter(|line| !line.starts_with("| term "));
    let terms = rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "a row has three cells: {line}");
        (cells[0].to_owned(), cells[1].to_owned())
    });
    terms.collect()
}

#[test]
fn each_term_stands_once_with_a_meaning() {
    let mut seen = BTreeSet::new();
    let terms = terms();
    assert!(terms.len() > 80, "only {} terms were found", terms.len());
    for (term, meaning) in terms {
        assert!(seen.insert(term.clone()), "`{term}` stands twice");
        let words = meaning.split_whitespace().count();
        assert!((3..=40).contains(&words), "`{term}` has {words} words");
        assert!(
            meaning.ends_with('.') || meaning.ends_with("?\"."),
            "`{term}`: {meaning}"
        );
    }
}

#[test]
fn each_term_is_in_use() {
    let mut texts = String::new();
    for file in files::all() {
        if file.path != "docs/glossary.md" {
            texts.push_str(&file.text.to_lowercase().replace('_', " "));
        }
    }
    let unused: Vec<_> = terms()
        .into_iter()
        .map(|(term, _)| term)
        .filter(|term| {
            let spelled = term.to_lowercase();
            let joined = spelled.replace(' ', "");
            !texts.contains(&spelled) && !texts.contains(&joined)
        })
        .collect();
    assert!(unused.is_empty(), "no text uses {unused:?}");
}
