//! The form of comments: their first words and their width.

use super::files;

/// The widest comment, in columns.
const WIDEST: usize = 100;

#[test]
fn no_module_opens_with_a_question_word() {
    let questions = [
        "Who ", "What ", "Whether ", "How ", "Where ", "When ", "Why ",
    ];
    let mut complaints = Vec::new();
    for file in files::all() {
        let Some(first) = file.text.lines().find_map(|line| line.strip_prefix("//! ")) else {
            continue;
        };
        if questions.iter().any(|question| first.starts_with(question)) {
            complaints.push(format!("{}: {first}", file.path));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn every_module_of_a_library_opens_with_a_document() {
    let mut complaints = Vec::new();
    for file in files::all() {
        let in_source = file.path.contains("/src/") && file.has_extension("rs");
        let document = file
            .text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("//! "));
        let is_written = document.is_some_and(|document| !document.starts_with('('));
        if in_source && !is_written {
            complaints.push(file.path);
        }
    }
    assert!(complaints.is_empty(), "without a document: {complaints:#?}");
}

#[test]
fn no_comment_is_wider_than_a_hundred_columns() {
    let mut complaints = Vec::new();
    for file in files::all() {
        let comment = if file.has_extension("sql") {
            "--"
        } else {
            "//"
        };
        if !file.has_extension("sql") && !file.has_extension("rs") {
            continue;
        }
        // Golden files are the output of a printer.
        if file.path.starts_with("jobs-macros/goldens/") {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let is_comment = line.trim_start().starts_with(comment);
            let width = line.chars().count();
            // An address cannot be broken.
            if is_comment && width > WIDEST && !line.contains("https://") {
                complaints.push(format!("{}:{}: {width} columns", file.path, number + 1));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
