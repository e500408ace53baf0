//! Parsers of counts and durations.
//!
//! A suffix, a sign, a product or missing quotes are errors that show the right form: `5m` is a
//! number with the suffix `m` to the compiler, which would drop the suffix.

use std::time::Duration;

use jobs_grammar::duration;
use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::{Error, Lit, LitInt, Result, Token};

use super::values;

/// Parses a count. `expected` describes the right one.
pub(crate) fn count(input: ParseStream<'_>, expected: &str) -> Result<(u64, Span)> {
    let lit = values::literal(input, expected)?;
    let invalid = |message: String| Err(Error::new(lit.span(), message));
    match &lit {
        Lit::Int(number) => {
            reject_product(&lit, input, |product| product.to_string())?;
            Ok((whole(number)?, lit.span()))
        }
        Lit::Str(text) => match text.value().trim().parse::<u64>() {
            Ok(number) => invalid(format!("a number has no quotes: write `{number}`")),
            Err(_) => invalid(format!("expected {expected}")),
        },
        _ => invalid(format!("expected {expected}")),
    }
}

/// The value of a number without suffix and sign.
pub(crate) fn whole(number: &LitInt) -> Result<u64> {
    let invalid = |message: String| Err(Error::new(number.span(), message));
    let digits = number.base10_digits();
    if !number.suffix().is_empty() {
        return invalid(format!("a number has no suffix: write `{digits}`"));
    }
    if let Some(positive) = digits.strip_prefix('-') {
        return invalid(format!("`{number}` is negative: write `{positive}`"));
    }
    digits.parse().or_else(|_| {
        let message = format!("`{number}` is too large");
        invalid(message)
    })
}

/// Parses a duration in quotes. `expected` describes the right one.
pub(crate) fn duration(input: ParseStream<'_>, expected: &str) -> Result<(Duration, Span)> {
    let lit = values::literal(input, expected)?;
    reject_product(&lit, input, quoted_seconds)?;
    Ok((duration_of(&lit, expected)?, lit.span()))
}

/// Parses a delay: a duration in quotes, or a number of seconds.
pub(crate) fn delay(input: ParseStream<'_>) -> Result<(Duration, Span)> {
    let expected = "a delay: seconds, or a text such as `\"1m\"`";
    let lit = values::literal(input, expected)?;
    reject_product(&lit, input, quoted_seconds)?;
    let delay = match &lit {
        Lit::Int(seconds) if seconds.suffix().is_empty() => {
            let delay = Duration::from_secs(whole(seconds)?);
            if delay > duration::MAX {
                let message = "a number is in seconds, and this is longer than a year: write a \
                               text with a unit, such as `\"500ms\"`";
                return Err(Error::new(lit.span(), message));
            }
            delay
        }
        _ => duration_of(&lit, expected)?,
    };
    Ok((delay, lit.span()))
}

/// Parses a duration that is not zero.
pub(crate) fn nonzero(read: (Duration, Span)) -> Result<Duration> {
    match read {
        (Duration::ZERO, span) => Err(Error::new(
            span,
            "this duration is zero: write a longer one",
        )),
        (duration, _) => Ok(duration),
    }
}

/// Parses the duration in a literal.
pub(crate) fn duration_of(lit: &Lit, expected: &str) -> Result<Duration> {
    let read = match lit {
        Lit::Str(text) => duration::parse(&text.value()),
        Lit::Int(number) => Err(unquoted(&number.to_string())),
        Lit::Float(number) => Err(unquoted(&number.to_string())),
        _ => Err(format!("expected {expected}")),
    };
    read.map_err(|message| Error::new(lit.span(), message))
}

/// The message for a number where a duration is expected: `5m`, `300`, `-5`, `1.5`.
fn unquoted(number: &str) -> String {
    if let Some(positive) = number.strip_prefix('-') {
        return format!("a duration is not negative: write `\"{positive}s\"`");
    }
    let plain = number.replace('_', "");
    if duration::parse(&plain).is_ok() {
        return format!("a duration is a text: write `\"{plain}\"`");
    }
    let with_unit = duration::suggest(&plain).or_else(|| duration::suggest(&format!("{plain}s")));
    match with_unit {
        Some(better) => format!("a duration is a text with a unit: write `\"{better}\"`"),
        None => "a duration is a text with a unit, such as `\"5m\"`".to_owned(),
    }
}

fn quoted_seconds(product: u64) -> String {
    format!("\"{}\"", duration::show(Duration::from_secs(product)))
}

/// Reports `60 * 5`: attributes hold literals.
fn reject_product(first: &Lit, input: ParseStream<'_>, show: fn(u64) -> String) -> Result<()> {
    let mut product = match first {
        Lit::Int(number) if input.peek(Token![*]) => number.base10_parse::<u64>()?,
        _ => return Ok(()),
    };
    while input.parse::<Option<Token![*]>>()?.is_some() {
        product = product.saturating_mul(input.parse::<LitInt>()?.base10_parse()?);
    }
    let message = format!(
        "an attribute holds no calculation: write `{}`",
        show(product)
    );
    Err(Error::new(first.span(), message))
}
