//! Escapes for every text that the program prints.
//!
//! A text that users wrote may contain control sequences that a terminal obeys, line breaks that
//! forge lines, and marks that reorder what is shown. [`line()`] escapes all of them. [`text`]
//! keeps line breaks and tabs, for a text that the program has laid out. [`json`] uses the escapes
//! of JSON, so that a parser reads the exact values.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;

use crate::unprintable::is_unprintable;

/// Escapes a text that is shown within one line.
pub(super) fn line(text: &str) -> Cow<'_, str> {
    replace(text, is_unprintable, escape)
}

/// Escapes a text of several lines. Line breaks and tabs stay.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    let is_escaped = |c| is_unprintable(c) && !matches!(c, '\n' | '\t');
    replace(text, is_escaped, escape)
}

/// Escapes an argument of the command line.
pub(super) fn argument(argument: &OsStr) -> String {
    line(&argument.to_string_lossy()).into_owned()
}

/// Escapes a JSON document. Its values stay the same.
pub(super) fn json(document: &str) -> Cow<'_, str> {
    let is_escaped = |c| is_unprintable(c) && !matches!(c, '\n' | '\t');
    replace(document, is_escaped, |c, escaped| {
        if c.is_ascii() && c != '\u{7f}' {
            // JSON escapes these within strings, so this one separates values.
            escaped.push(' ');
            return;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a string cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    })
}

fn escape(c: char, escaped: &mut String) {
    if c.is_control() {
        escaped.extend(c.escape_default());
    } else {
        escaped.extend(c.escape_unicode());
    }
}

fn replace(
    text: &str,
    is_replaced: impl Fn(char) -> bool,
    replacement: impl Fn(char, &mut String),
) -> Cow<'_, str> {
    if !text.contains(&is_replaced) {
        return Cow::Borrowed(text);
    }
    let mut replaced = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_replaced(c) {
            replacement(c, &mut replaced);
        } else {
            replaced.push(c);
        }
    }
    Cow::Owned(replaced)
}

#[cfg(test)]
mod tests {
    use super::{json, line, text};

    const HOSTILE: &str = "a\u{1b}[2J\r\nb\t\u{9b}1m\u{202e}c\u{7f}\u{e0041}ü";

    #[test]
    fn lines_and_texts_are_escaped() {
        let shown = r"a\u{1b}[2J\r\nb\t\u{9b}1m\u{202e}c\u{7f}\u{e0041}ü";
        assert_eq!(line(HOSTILE), shown);
        let shown = "a\\u{1b}[2J\\r\nb\t\\u{9b}1m\\u{202e}c\\u{7f}\\u{e0041}ü";
        assert_eq!(text(HOSTILE), shown);
        assert_eq!(line("plain, ünd 日本 👩‍🚀"), "plain, ünd 日本 👩‍🚀");
    }

    #[test]
    fn json_keeps_its_values() {
        let value = serde_json::json!({ "text": HOSTILE });
        let document = format!(
            "{}\r\n",
            serde_json::to_string_pretty(&value).expect("JSON")
        );
        let shown = json(&document);
        assert!(!shown.contains(['\u{1b}', '\r', '\u{9b}', '\u{202e}', '\u{7f}', '\u{e0041}']));
        let read: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read, value);
    }
}
