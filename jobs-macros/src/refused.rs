//! Keys that are not enforced yet. Their mistakes are found all the same, so that what is refused
//! today is right on the day it is not.

use syn::{Error, LitStr, Result};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::given::Given;
use crate::limits::{duration_of, main_value, some_time, unknown};

/// `"1h"`
pub(crate) fn expires(_: &mut Arguments, given: &Given) -> Result<()> {
    given.value(some_time).map(drop)
}

/// `"90d"`, `(succeeded = "1d", failed = "90d")`
pub(crate) fn retain(_: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    if main.is_some() {
        errors.ok(main_value(given, main, some_time));
    }
    for option in options {
        match option.name().as_str() {
            "succeeded" | "failed" | "cancelled" => {
                errors.ok(duration_of(&option, "failed = \"90d\""));
            }
            _ => {
                let keys = ["succeeded", "failed", "cancelled"];
                errors.at(option.span(), unknown(&option, &keys));
            }
        }
    }
    errors.into_result()
}

/// `"jobs.mail.send"`: words joined by `.`, as a broker's topic exchange has them.
pub(crate) fn routing_key(_: &mut Arguments, given: &Given) -> Result<()> {
    let key: LitStr = given.value(|input| input.parse())?;
    let text = key.value();
    let refused = |message: &str| Err(Error::new(key.span(), format!("`{text}` {message}")));
    if text.contains(['*', '#']) {
        return refused("has a wildcard: those are for bindings, a job has one key");
    }
    let word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
    if !text.split('.').all(word) {
        return refused("is no routing key: join words by `.`, such as `jobs.mail.send`");
    }
    match text.len() {
        0..=255 => Ok(()),
        _ => refused("is longer than the 255 bytes that a broker takes"),
    }
}
