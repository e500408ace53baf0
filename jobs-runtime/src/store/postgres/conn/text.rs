//! Encoding of texts for the database.
//!
//! A `text` of PostgreSQL holds every character but NUL, which the other stores keep. NUL is
//! therefore stored as two characters: U+FDD0, a noncharacter that Unicode reserves for such use,
//! and `0`. U+FDD0 itself is stored twice. Payloads, results and log fields are JSON, which can
//! only contain NUL as an escape: they are stored unchanged.

use std::borrow::Cow;

use crate::store::{Limit, NewExecution, StoreError};

/// First character of a pair that encodes one character.
const ESCAPE: char = '\u{fdd0}';

/// Encodes a text for the database.
pub(in crate::store::postgres) fn encode(text: &str) -> Cow<'_, str> {
    if text.contains(['\0', ESCAPE]) {
        Cow::Owned(
            text.replace(ESCAPE, "\u{fdd0}\u{fdd0}")
                .replace('\0', "\u{fdd0}0"),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// Encodes several texts.
pub(in crate::store::postgres) fn encode_all(texts: &[String]) -> Vec<Cow<'_, str>> {
    texts.iter().map(|text| encode(text)).collect()
}

/// Decodes a stored text.
pub(in crate::store::postgres) fn decode(text: String) -> String {
    if !text.contains(ESCAPE) {
        return text;
    }
    let mut read = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        read.push(match c {
            ESCAPE => match chars.next() {
                Some('0') => '\0',
                Some(other) => other,
                None => ESCAPE,
            },
            c => c,
        });
    }
    read
}

/// Decodes several texts.
pub(in crate::store::postgres) fn decode_all(texts: Vec<String>) -> Vec<String> {
    texts.into_iter().map(decode).collect()
}

/// Encodes a text in its place.
pub(in crate::store::postgres) fn encode_in_place(text: &mut String) {
    if let Cow::Owned(stored) = encode(text) {
        *text = stored;
    }
}

/// Encodes every text of the executions.
pub(in crate::store::postgres) fn encode_batch(mut batch: Vec<NewExecution>) -> Vec<NewExecution> {
    batch.iter_mut().for_each(encode_execution);
    batch
}

/// Encodes every text of an execution.
pub(in crate::store::postgres) fn encode_execution(new: &mut NewExecution) {
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
        expires_at: _,
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
        .for_each(encode_in_place);
}

/// Encodes the texts of a limit.
pub(in crate::store::postgres) fn encode_limit(mut limit: Limit) -> Limit {
    encode_in_place(&mut limit.key);
    encode_in_place(&mut limit.job_id);
    limit
}

/// Decodes the texts that an error of an enqueue repeats.
pub(in crate::store::postgres) fn decode_error(error: StoreError) -> StoreError {
    match error {
        StoreError::IdempotencyConflict {
            index,
            key,
            execution_id,
        } => StoreError::IdempotencyConflict {
            index,
            key: decode(key),
            execution_id,
        },
        StoreError::QueueFull {
            index,
            job_id,
            max_waiting,
        } => StoreError::QueueFull {
            index,
            job_id: decode(job_id),
            max_waiting,
        },
        error => error,
    }
}

/// Returns the array literal of texts, for a parameter of arrays that differ in length; `None` for
/// an empty array.
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
    fn texts_survive_a_round_trip_without_nul() {
        for text in [
            "",
            "ab",
            "a\0b",
            "\0",
            "\0\0",
            "\u{fdd0}",
            "\u{fdd0}0\0\u{fdd0}\u{fdd0}",
        ] {
            let stored = encode(text);
            assert!(!stored.contains('\0'));
            assert_eq!(decode(stored.into_owned()), text);
        }
        assert!(matches!(encode("ab"), Cow::Borrowed("ab")));
        assert_ne!(encode("\0"), encode("\u{fdd0}0"));
    }

    #[test]
    fn array_literals_quote_every_text() {
        let texts = ["a b", "", "q\"\\", "NULL", "{x,y}"].map(str::to_owned);
        let expected = r#"{"a b","","q\"\\","NULL","{x,y}"}"#;
        assert_eq!(array_literal(&texts).as_deref(), Some(expected));
        assert_eq!(array_literal(&[]), None);
    }
}
