//! The key `schedule`.
//!
//! ```text
//! schedule = "0 3 * * *"
//! schedule = ("0 3 * * *", timezone = "Europe/Paris", catch_up = "one", overlap = "skip")
//! ```

use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Lit, LitStr, Result};

use crate::arguments::Arguments;
use crate::cron::Cron;
use crate::errors::Errors;
use crate::given::Given;
use crate::limits::{one_of, unknown};
use crate::{values, zone};

/// Reads the value.
pub(crate) fn read(to: &mut Arguments, given: &Given) -> Result<()> {
    to.schedule = Some(given.key.clone());
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    match main {
        Some(main) => drop(errors.ok(expression.parse2(main))),
        None => errors.at(given.span(), given.wrong()),
    }
    for option in options {
        match option.name().as_str() {
            "timezone" => {
                let zone = option.like("timezone = \"Europe/Paris\"").value(time_zone);
                errors.ok(zone);
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
                errors.at(option.span(), unknown(&option, &keys));
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
