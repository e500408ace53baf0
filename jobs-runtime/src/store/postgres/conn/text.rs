//! Texts on their way into the database and back.
//!
//! A `text` of PostgreSQL holds every character but NUL. So that this store keeps what every other
//! keeps, and finds it again, NUL is written as two characters: U+FDD0, which Unicode sets aside
//! for uses like this, and `0`; U+FDD0 itself is written twice. Payloads, results and fields are
//! JSON, which has NUL only as an escape: they are stored as they are.

use std::borrow::Cow;

use crate::store::{Limit, NewExecution, StoreError};

/// What begins a pair that stands for one character.
const MARK: char = '\u{fdd0}';

/// The text as it is stored.
pub(in crate::store::postgres) fn stored(text: &str) -> Cow<'_, str> {
    match text.contains(['\0', MARK]) {
        true => Cow::Owned(
            text.replace(MARK, "\u{fdd0}\u{fdd0}")
                .replace('\0', "\u{fdd0}0"),
        ),
        false => Cow::Borrowed(text),
    }
}

/// The texts as they are stored.
pub(in crate::store::postgres) fn all_stored(texts: &[String]) -> Vec<Cow<'_, str>> {
    texts.iter().map(|text| stored(text)).collect()
}

/// The text that was stored.
pub(in crate::store::postgres) fn read(text: String) -> String {
    if !text.contains(MARK) {
        return text;
    }
    let mut read = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        read.push(match c {
            MARK => match chars.next() {
                Some('0') => '\0',
                Some(other) => other,
                None => MARK,
            },
            c => c,
        });
    }
    read
}

/// The texts that were stored.
pub(in crate::store::postgres) fn all_read(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(read).collect()
}

fn store_in_place(text: &mut String) {
    if let Cow::Owned(stored) = stored(text) {
        *text = stored;
    }
}

/// The executions with every text as it is stored.
pub(in crate::store::postgres) fn as_stored(mut batch: Vec<NewExecution>) -> Vec<NewExecution> {
    for new in &mut batch {
        let NewExecution {
            job_id,
            queue,
            idempotency_key,
            correlation_id,
            item_id,
            created_by,
            tags,
            triggered_by,
            trace_parent,
            id: _,
            payload: _,
            priority: _,
            policy: _,
            created_at: _,
            run_at: _,
            parent_id: _,
            rules,
        } = new;
        let optional = [correlation_id, item_id, created_by, trace_parent];
        let keys = idempotency_key
            .iter_mut()
            .flat_map(|key| [&mut key.key, &mut key.payload_digest]);
        let limits = rules.limits.iter_mut();
        let limits = limits.flat_map(|limit| [&mut limit.key, &mut limit.job_id]);
        let unique = rules.unique.iter_mut().map(|unique| &mut unique.key);
        let debounce = rules.debounce.iter_mut().map(|debounce| &mut debounce.key);
        [job_id, queue, triggered_by]
            .into_iter()
            .chain(limits)
            .chain(unique)
            .chain(debounce)
            .chain(optional.into_iter().flatten())
            .chain(tags)
            .chain(keys)
            .for_each(store_in_place);
    }
    batch
}

/// The limit with every text as it is stored.
pub(in crate::store::postgres) fn limit_as_stored(mut limit: Limit) -> Limit {
    store_in_place(&mut limit.key);
    store_in_place(&mut limit.job_id);
    limit
}

/// A refusal in the caller's words.
pub(in crate::store::postgres) fn refusal(error: StoreError) -> StoreError {
    match error {
        StoreError::IdempotencyConflict {
            index,
            key,
            execution_id,
        } => StoreError::IdempotencyConflict {
            index,
            key: read(key),
            execution_id,
        },
        StoreError::QueueFull {
            index,
            job_id,
            max_waiting,
        } => StoreError::QueueFull {
            index,
            job_id: read(job_id),
            max_waiting,
        },
        error => error,
    }
}

/// The literal of an array of texts, for a column of arrays that differ in length; `None` for an
/// empty one.
pub(in crate::store::postgres) fn array_literal(texts: &[String]) -> Option<String> {
    if texts.is_empty() {
        return None;
    }
    let mut literal = String::from("{");
    for (n, text) in texts.iter().enumerate() {
        literal.push_str(if n == 0 { "\"" } else { ",\"" });
        for c in text.chars() {
            if matches!(c, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(c);
        }
        literal.push('"');
    }
    literal.push('}');
    Some(literal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_survives_a_round_trip_without_nul() {
        for text in [
            "",
            "ab",
            "a\0b",
            "\0",
            "\0\0",
            "\u{fdd0}",
            "\u{fdd0}0\0\u{fdd0}\u{fdd0}",
        ] {
            let stored = stored(text);
            assert!(!stored.contains('\0'));
            assert_eq!(read(stored.into_owned()), text);
        }
        assert!(matches!(stored("ab"), Cow::Borrowed("ab")));
        assert_ne!(stored("\0"), stored("\u{fdd0}0"));
    }

    #[test]
    fn literals_quote_every_text() {
        let texts = ["a b", "", "q\"\\", "NULL", "{x,y}"].map(str::to_owned);
        let expected = r#"{"a b","","q\"\\","NULL","{x,y}"}"#;
        assert_eq!(array_literal(&texts).as_deref(), Some(expected));
        assert_eq!(array_literal(&[]), None);
    }
}
