//! The parser of the key `retain`: the times for which final executions are kept.
//!
//! ```text
//! retain = "90d"
//! retain = (succeeded = "1d", failed = "90d")
//! retain = ("30d", failed = "90d")
//! ```

use std::time::Duration;

use syn::Result;

use super::limits::{duration_option, main_value, nonzero_duration, unknown_option};
use super::{JobAttribute, Meta};
use crate::errors::Errors;

/// The times of the key, by final status. `None` for the time of the settings.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Retain {
    pub(crate) succeeded: Option<Duration>,
    pub(crate) failed: Option<Duration>,
    pub(crate) cancelled: Option<Duration>,
}

/// Parses the value. A time without a status holds for every status that has none of its own.
pub(crate) fn read(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = meta.value_and_options()?;
    let main = match main {
        None => None,
        main => errors.ok(main_value(meta, main, nonzero_duration)),
    };
    let mut retain = Retain {
        succeeded: main,
        failed: main,
        cancelled: main,
    };
    for option in options {
        let time = match option.name().as_str() {
            "succeeded" => &mut retain.succeeded,
            "failed" => &mut retain.failed,
            "cancelled" => &mut retain.cancelled,
            _ => {
                let keys = ["succeeded", "failed", "cancelled"];
                errors.at(option.span(), unknown_option(&option, &keys));
                continue;
            }
        };
        if let Some(given) = errors.ok(duration_option(&option, "failed = \"90d\"")) {
            *time = Some(given);
        }
    }
    errors.into_result()?;
    to.retain = Some(retain);
    Ok(())
}
