//! The value of the key `rate_limit`.

use std::time::Duration;

use syn::parse::ParseStream;
use syn::{Error, Lit, Result};

use crate::attribute::values;

/// Parses `"60/min"` into the number of starts and their period.
pub(super) fn read(input: ParseStream<'_>) -> Result<(u32, Duration)> {
    let lit = values::literal(input, "a rate such as `\"60/min\"`")?;
    let Lit::Str(text) = &lit else {
        return Err(Error::new(
            lit.span(),
            "expected a rate such as `\"60/min\"`",
        ));
    };
    jobs_grammar::rate::parse(&text.value()).map_err(|message| Error::new(lit.span(), message))
}
