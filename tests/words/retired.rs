//! Retired words: none of them stands in a text of the repository.

use super::files;

/// A word, and what to write instead.
struct Retired {
    words: String,
    instead: String,
}

fn retired() -> Vec<Retired> {
    let list = include_str!("retired.txt");
    let lines = list.lines().filter(|line| !line.starts_with('#'));
    let entries = lines.filter(|line| !line.trim().is_empty()).map(|line| {
        let (words, instead) = line.split_once(" = ").expect("a line is `word = instead`");
        Retired {
            words: format!(" {} ", normalised(words)),
            instead: instead.to_owned(),
        }
    });
    entries.collect()
}

/// Lower-case words with one space between them: `a_word`, `AWord` and `a word` become the same.
fn normalised(text: &str) -> String {
    let mut words = String::with_capacity(text.len() + 16);
    let mut before = ' ';
    for letter in text.chars() {
        let starts_word = letter.is_uppercase() && before.is_lowercase();
        let ends_word = starts_word || !letter.is_alphanumeric();
        if ends_word && !words.ends_with(' ') {
            words.push(' ');
        }
        if letter.is_alphanumeric() {
            words.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.trim().to_owned()
}

/// The retired words of a text, each with the number of its line. A phrase may run over the end of
/// a line.
fn found_in(text: &str, retired: &[Retired]) -> Vec<(usize, String)> {
    // A binding whose name begins with `in_` is no phrase.
    let lines = text.lines().map(|line| line.replace("let in_", "let "));
    let lines: Vec<_> = lines.map(|line| normalised(&line)).collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let alone = format!(" {line} ");
        let next = lines.get(number + 1).map_or("", String::as_str);
        let with_next = format!(" {line} {next} ");
        let next = format!(" {next} ");
        for word in retired {
            let here = alone.contains(&word.words);
            let over_the_end = with_next.contains(&word.words) && !next.contains(&word.words);
            if here || over_the_end {
                let message = format!("`{}`: write {}", word.words.trim(), word.instead);
                found.push((number + 1, message));
            }
        }
    }
    found
}

#[test]
fn no_text_contains_a_retired_word() {
    let retired = retired();
    let mut complaints = Vec::new();
    for file in files::all() {
        for (line, message) in found_in(&file.text, &retired) {
            complaints.push(format!("{}:{line}: {message}", file.path));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_retired_word_is_found_in_every_spelling() {
    let retired = retired();
    let found = |text: &str| {
        let found = found_in(text, &retired);
        found.into_iter().map(|(line, _)| line).collect::<Vec<_>>()
    };
    assert_eq!(found("let_in"), [1]);
    assert_eq!(found("fn let_in()"), [1]);
    assert_eq!(found("struct LetIn;"), [1]);
    assert_eq!(found("struct Doorkeeper;"), [1]);
    assert_eq!(found("a\n// let\n// in b"), [2]);
    let nothing: [usize; 0] = [];
    assert_eq!(found("LetInfo and outlet_in are other words"), nothing);
    assert_eq!(found("let in_use = 1;"), nothing);
}
