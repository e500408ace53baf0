//! The parser of the key `schedule`: a cron expression and its options.
//!
//! ```text
//! schedule = "0 3 * * *"
//! schedule = ("0 3 * * *", timezone = "Europe/Paris", catch_up = "one", overlap = "skip")
//! schedule = ("*/5 * * * *", catch_up = "all(12)", overlap = "queue", jitter = "30s")
//! ```

use std::str::FromStr;
use std::time::Duration;

use jobs_grammar::cron::Cron;
use jobs_grammar::schedule::{CatchUp, Overlap};
use jobs_grammar::zone;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Lit, LitStr, Result};

use super::limits::{duration_option, unknown_option};
use super::{JobAttribute, Meta, Spanned, values};
use crate::errors::Errors;

/// The value of one key `schedule`. An option that was not written is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) cron: LitStr,
    pub(crate) timezone: Option<LitStr>,
    pub(crate) catch_up: Option<CatchUp>,
    pub(crate) overlap: Option<Overlap>,
    pub(crate) jitter: Option<Duration>,
}

/// Parses the value and adds the schedule.
pub(crate) fn read(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = meta.value_and_options()?;
    let cron = match main {
        Some(main) => errors.ok(expression.parse2(main)),
        None => {
            errors.at(meta.span(), meta.expected_form());
            None
        }
    };
    let mut schedule = Schedule {
        // Reported above if it is missing: the key still counts as written.
        cron: cron.unwrap_or_else(|| LitStr::new("", meta.span())),
        timezone: None,
        catch_up: None,
        overlap: None,
        jitter: None,
    };
    let mut catch_up_span = meta.span();
    for option in options {
        match option.name().as_str() {
            "timezone" => {
                let option = option.with_example("timezone = \"Europe/Paris\"");
                schedule.timezone = errors.ok(option.value(time_zone));
            }
            "catch_up" => {
                let option = option.with_example("catch_up = \"one\"");
                schedule.catch_up = errors.ok(option.value(word));
                catch_up_span = option.span();
            }
            "overlap" => {
                let option = option.with_example("overlap = \"skip\"");
                schedule.overlap = errors.ok(option.value(word));
            }
            "jitter" => {
                schedule.jitter = errors.ok(duration_option(&option, "jitter = \"30s\""));
            }
            _ => {
                let keys = ["timezone", "catch_up", "overlap", "jitter"];
                errors.at(option.span(), unknown_option(&option, &keys));
            }
        }
    }
    let overlap = schedule.overlap.unwrap_or_default();
    if let Some(Err(message)) = schedule.catch_up.map(|it| it.check_with(overlap)) {
        errors.at(catch_up_span, message);
    }
    to.schedules.push(Spanned {
        key: meta.key.clone(),
        value: schedule,
    });
    errors.into_result()
}

fn expression(input: ParseStream<'_>) -> Result<LitStr> {
    let expected = "a cron expression in quotes, such as `\"0 3 * * *\"`";
    match values::literal(input, expected)? {
        Lit::Str(text) => match Cron::parse(&text.value()) {
            Ok(_) => Ok(text),
            Err(error) => Err(Error::new(text.span(), error)),
        },
        other => Err(Error::new(other.span(), format!("expected {expected}"))),
    }
}

fn time_zone(input: ParseStream<'_>) -> Result<LitStr> {
    let name: LitStr = input.parse()?;
    match zone::check(&name.value()) {
        Ok(()) => Ok(name),
        Err(message) => Err(Error::new(name.span(), message)),
    }
}

fn word<T: FromStr<Err = String>>(input: ParseStream<'_>) -> Result<T> {
    let word: LitStr = input.parse()?;
    let parsed = word.value().parse();
    parsed.map_err(|message| Error::new(word.span(), message))
}
