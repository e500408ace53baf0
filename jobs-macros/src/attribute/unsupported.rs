//! Parsers of keys that the runtime does not enforce yet.
//!
//! The keys are rejected, and mistakes in their values are reported as well.

use syn::{Error, LitStr, Result};

use super::{JobAttribute, Meta};

/// `routing_key = "jobs.mail.send"`: words joined by `.`, as in an AMQP topic exchange.
pub(crate) fn routing_key(_: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let key: LitStr = meta.value(|input| input.parse())?;
    let text = key.value();
    let invalid = |message: &str| Err(Error::new(key.span(), format!("`{text}` {message}")));
    if text.contains(['*', '#']) {
        return invalid(
            "has a wildcard: a job has one fixed routing key, and only bindings have wildcards",
        );
    }
    let word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
    if !text.split('.').all(word) {
        return invalid("is not a routing key: join words by `.`, such as `jobs.mail.send`");
    }
    match text.len() {
        0..=255 => Ok(()),
        _ => invalid("is too long: a routing key has at most 255 bytes"),
    }
}
