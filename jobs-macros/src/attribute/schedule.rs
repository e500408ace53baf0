//! The parser of the key `schedule`.
//!
//! ```text
//! schedule = "0 3 * * *"
//! schedule = ("0 3 * * *", timezone = "Europe/Paris", catch_up = "one", overlap = "skip")
//! ```

use jobs_grammar::cron::Cron;
use jobs_grammar::zone;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Lit, LitStr, Result};

use super::limits::{one_of, unknown_option};
use super::{JobAttribute, Meta, values};
use crate::errors::Errors;

/// Checks the value and notes the key.
pub(crate) fn read(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    to.schedule = Some(meta.key.clone());
    let mut errors = Errors::default();
    let (main, options) = meta.value_and_options()?;
    match main {
        Some(main) => drop(errors.ok(expression.parse2(main))),
        None => errors.at(meta.span(), meta.expected_form()),
    }
    for option in options {
        match option.name().as_str() {
            "timezone" => {
                let option = option.with_example("timezone = \"Europe/Paris\"");
                errors.ok(option.value(time_zone));
            }
            "catch_up" => {
                errors.ok(one_of(
                    &option,
                    "catch_up = \"one\"",
                    &["none", "one", "all"],
                ));
            }
            "overlap" => {
                errors.ok(one_of(&option, "overlap = \"skip\"", &["skip", "allow"]));
            }
            _ => {
                let keys = ["timezone", "catch_up", "overlap"];
                errors.at(option.span(), unknown_option(&option, &keys));
            }
        }
    }
    errors.into_result()
}

fn expression(input: ParseStream<'_>) -> Result<()> {
    let expected = "a cron expression in quotes, such as `\"0 3 * * *\"`";
    match values::literal(input, expected)? {
        Lit::Str(text) => match Cron::parse(&text.value()) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::new(text.span(), error)),
        },
        other => Err(Error::new(other.span(), format!("expected {expected}"))),
    }
}

fn time_zone(input: ParseStream<'_>) -> Result<()> {
    let name: LitStr = input.parse()?;
    zone::check(&name.value()).map_err(|message| Error::new(name.span(), message))
}
