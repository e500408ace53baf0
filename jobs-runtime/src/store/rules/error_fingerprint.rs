//! Fingerprints of errors: equal for errors that differ only in numbers, ids and quoted texts.
//!
//! The fingerprint is computed when errors are read, not when they are stored: settlements cost
//! nothing more, and a better rule applies to old errors as well. Every reader examines a bounded
//! number of failures, so its cost does not depend on the size of the store.

use jobs::ExecutionError;
use sha2::{Digest, Sha256};

/// The part of a message that counts, in characters. Stores read no more of it for a fingerprint.
const MAX_CHARS: usize = 2_048;

/// The longest text between quotation marks that is replaced, in characters.
const MAX_QUOTED: usize = 200;

/// Returns the fingerprint of an error: 16 hexadecimal digits.
pub fn error_fingerprint(error: &ExecutionError) -> String {
    let mut digest = Sha256::new();
    digest.update(error.kind.as_str());
    digest.update([0]);
    digest.update(normalized(&error.message));
    let digest = digest.finalize();
    digest[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Replaces the variable parts of a message: quoted texts by `…`, and words with a digit, UUIDs and
/// long hexadecimal words by `#`. A run of `#` with punctuation between them becomes one.
fn normalized(message: &str) -> String {
    let chars: Vec<char> = message.chars().take(MAX_CHARS).collect();
    let mut text = String::with_capacity(chars.len());
    let mut at = 0;
    while at < chars.len() {
        if let Some(end) = quoted_end(&chars, at) {
            text.push('…');
            at = end;
        } else if chars[at].is_alphanumeric() {
            let end = word_end(&chars, at);
            let word: String = chars[at..end].iter().collect();
            if !is_variable(&word) {
                text.push_str(&word);
            } else if !ends_in_variable(&mut text) {
                text.push('#');
            }
            at = end;
        } else if chars[at].is_whitespace() {
            if !text.ends_with(' ') {
                text.push(' ');
            }
            at += 1;
        } else {
            text.push(chars[at]);
            at += 1;
        }
    }
    text.trim_end().to_owned()
}

/// Returns the place behind a quoted text that begins at `at`.
fn quoted_end(chars: &[char], at: usize) -> Option<usize> {
    let quote = chars[at];
    let is_quote = match quote {
        '"' | '`' => true,
        // Not the apostrophe of a word.
        '\'' => at == 0 || !chars[at - 1].is_alphanumeric(),
        _ => false,
    };
    if !is_quote {
        return None;
    }
    let rest = chars[at + 1..].iter().take(MAX_QUOTED);
    let length = rest.take_while(|c| **c != '\n').position(|c| *c == quote)?;
    Some(at + length + 2)
}

/// Returns the place behind the word at `at`. The hyphens of a UUID belong to the word.
fn word_end(chars: &[char], at: usize) -> usize {
    const UUID: [usize; 4] = [8, 13, 18, 23];
    let uuid = chars.get(at..at + 36).is_some_and(|word| {
        let mut places = word.iter().enumerate();
        places.all(|(place, c)| {
            if UUID.contains(&place) {
                *c == '-'
            } else {
                c.is_ascii_hexdigit()
            }
        })
    });
    if uuid {
        return at + 36;
    }
    let length = chars[at..].iter().take_while(|c| c.is_alphanumeric());
    at + length.count()
}

/// True for a word with a digit, a UUID, and a hexadecimal word of at least eight characters.
fn is_variable(word: &str) -> bool {
    word.chars().any(char::is_numeric)
        || (word.len() >= 8 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-'))
}

/// True if the text ends in `#` with punctuation behind it, which is then removed.
fn ends_in_variable(text: &mut String) -> bool {
    let kept = text.trim_end_matches(['-', '.', ':', '/', '_', '+']);
    if kept.ends_with('#') {
        text.truncate(kept.len());
        return true;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::normalized;

    #[test]
    fn variable_parts_are_replaced() {
        let check = |message: &str, expected: &str| assert_eq!(normalized(message), expected);
        check("timed out after 30 s", "timed out after # s");
        check("no user 'ada' in \"ws-1\" or `x`", "no user … in … or …");
        check("can't open file", "can't open file");
        check(
            "execution 01a224da-bed4-75f3-8ce7-51fa5276b761 is gone",
            "execution # is gone",
        );
        check(
            "at 2026-11-29T12:00:00.123Z from 10.0.0.1:8091",
            "at # from #",
        );
        check("digest deadbeefcafe differs", "digest # differs");
        check("cabbage fade", "cabbage fade");
        check("order ws42-17 of shop_9", "order # of shop_#");
        check("a\n  b\tc ", "a b c");
        check("it's \"unclosed", "it's \"unclosed");
    }

    #[test]
    fn errors_of_one_kind_share_a_fingerprint() {
        use super::error_fingerprint;
        use jobs::{ErrorKind, ExecutionError};
        let error = |kind, message: &str| {
            error_fingerprint(&ExecutionError {
                kind,
                message: message.to_owned(),
            })
        };
        let one = error(ErrorKind::Failed, "no order 17");
        assert_eq!(one.len(), 16);
        assert_eq!(one, error(ErrorKind::Failed, "no order 4711"));
        assert_ne!(one, error(ErrorKind::Panicked, "no order 17"));
        assert_ne!(one, error(ErrorKind::Failed, "no invoice 17"));
    }
}
