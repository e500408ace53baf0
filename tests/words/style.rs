//! The form of comments and SQL: first words and width.

use super::files;

/// The widest comment or line of SQL, in columns.
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

/// A folder of a library has its document in the file of the same name beside it.
#[test]
fn every_folder_of_a_library_says_what_it_may_import() {
    let files = files::all();
    let in_source = |path: &str| path.contains("/src/") && !path.contains("/tests/");
    let sources = files.iter().filter(|file| in_source(&file.path));
    let sources: Vec<_> = sources.filter(|file| file.has_extension("rs")).collect();
    let mut complaints = Vec::new();
    let mut count = 0;
    for file in &sources {
        let folder = format!("{}/", file.path.trim_end_matches(".rs"));
        if !sources.iter().any(|other| other.path.starts_with(&folder)) {
            continue;
        }
        count += 1;
        let lines = file.text.lines();
        let document: String = lines.filter_map(|line| line.strip_prefix("//!")).collect();
        let forbids = ["must not", "must never", "never", "nothing of the crate"];
        let says = document.contains("import") && forbids.iter().any(|no| document.contains(no));
        if !says {
            complaints.push(&file.path);
        }
    }
    assert!(count > 70, "only {count} folders were found");
    assert!(
        complaints.is_empty(),
        "without the imports: {complaints:#?}"
    );
}

#[test]
fn no_comment_and_no_sql_is_wider_than_a_hundred_columns() {
    let mut complaints = Vec::new();
    for file in files::all() {
        let is_sql = file.has_extension("sql");
        // Golden files are the output of a printer.
        let is_golden = file.path.starts_with("jobs-macros/goldens/");
        if is_golden || !is_sql && !file.has_extension("rs") {
            continue;
        }
        for (number, line) in file.text.lines().enumerate() {
            let is_checked = is_sql || line.trim_start().starts_with("//");
            let width = line.chars().count();
            // An address cannot be broken.
            if is_checked && width > WIDEST && !line.contains("https://") {
                complaints.push(format!("{}:{}: {width} columns", file.path, number + 1));
            }
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}
