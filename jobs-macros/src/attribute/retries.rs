//! The parser of the key `retries`.
//!
//! ```text
//! retries = [30, 60, 120]             delays in seconds
//! retries = ["30s", "1m", "2m"]       the same
//! retries = 5                         the default delays, the last one repeated
//! retries = 0                         no retries
//! retries = exponential(base = "10s", factor = 2, max = "1h", count = 10, jitter = 0.1)
//! ```

use std::time::Duration;

use jobs_grammar::duration;
use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::Span;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, Result, Token};

use super::Meta;
use super::limits::unknown_option;
use super::values::{self, MAX_ATTEMPTS};
use super::{numbers, synonyms};
use crate::errors::Errors;

/// The default delays in seconds, as in `jobs::RetryPolicy::DEFAULT`.
pub(crate) const DEFAULT_DELAYS: [u64; 3] = [30, 60, 120];

/// The value of `retries` as written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Retries {
    /// A number of retries, with the default delays.
    Count(u32),
    /// One retry per delay.
    List {
        /// In order.
        delays: Vec<Duration>,
        /// The share of a delay by which it varies.
        jitter: Option<f32>,
    },
}

impl Retries {
    /// Parses the value.
    pub(crate) fn read(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(syn::token::Bracket) {
            return Self::read_list(input);
        }
        if input.peek(Ident) {
            return Self::read_formula(input);
        }
        let expected =
            "a list of delays such as `[\"30s\", \"1m\"]`, a number, or `exponential(…)`";
        match values::literal(input, expected)? {
            Lit::Int(number) if !number.suffix().is_empty() => Err(one_delay(
                number.span(),
                &number.to_string(),
                &format!("expected {expected}"),
            )),
            Lit::Int(count) => Ok(Self::Count(retry_count(
                numbers::whole(&count)?,
                count.span(),
            )?)),
            Lit::Str(text) => Err(one_delay(
                text.span(),
                &text.value(),
                &format!("expected {expected}"),
            )),
            other => Err(Error::new(other.span(), format!("expected {expected}"))),
        }
    }

    fn read_list(input: ParseStream<'_>) -> Result<Self> {
        let list;
        let bracket = syn::bracketed!(list in input);
        let delay = |input: ParseStream<'_>| Ok(numbers::delay(input)?.0);
        let delays = Punctuated::<_, Token![,]>::parse_terminated_with(&list, delay)?;
        let delays: Vec<Duration> = delays.into_iter().collect();
        if delays.is_empty() {
            let message = "this list is empty: write `retries = 0` for no retries";
            return Err(Error::new(bracket.span.join(), message));
        }
        if delays.len() >= MAX_ATTEMPTS as usize {
            let message = format!("too many retries: write at most {}", MAX_ATTEMPTS - 1);
            return Err(Error::new(bracket.span.join(), message));
        }
        Ok(Self::List {
            delays,
            jitter: None,
        })
    }

    /// Parses `exponential(…)` and evaluates it to a list.
    fn read_formula(input: ParseStream<'_>) -> Result<Self> {
        let name: Ident = input.parse()?;
        let word = name.to_string();
        let example = "`exponential(base = \"10s\", count = 10)`";
        if word != "exponential" || !input.peek(syn::token::Paren) {
            let message = if word == "exponential" {
                format!("`exponential` needs a first delay and a count: write {example}")
            } else if synonyms::is_none(&word) {
                format!("`{word}` is no number of retries: write `0` for none")
            } else {
                let hint = did_you_mean(&word.to_ascii_lowercase(), ["exponential"]);
                format!("unknown formula `{word}`{hint}\nwrite {example} or a list")
            };
            return Err(Error::new(name.span(), message));
        }
        let list;
        syn::parenthesized!(list in input);
        let mut formula = Formula::default();
        let mut errors = Errors::default();
        for meta in Meta::parse_all(list.parse()?, &mut errors) {
            errors.ok(formula.set(&meta));
        }
        errors.into_result()?;
        formula.delays(name.span())
    }
}

/// `base × factor^n`, at most `max`.
#[derive(Default)]
struct Formula {
    base: Option<Duration>,
    factor: Option<f64>,
    max: Option<Duration>,
    count: Option<u32>,
    jitter: Option<f32>,
}

const FORMULA_KEYS: [&str; 5] = ["base", "factor", "max", "count", "jitter"];

impl Formula {
    /// Parses one option into its field.
    fn set(&mut self, meta: &Meta) -> Result<()> {
        let name = meta.name();
        match name.as_str() {
            "base" => self.base = Some(meta.value(nonzero)?),
            "max" => self.max = Some(meta.value(nonzero)?),
            "count" => {
                self.count = Some(meta.value(|input| {
                    let (count, span) = numbers::count(input, "a number such as `10`")?;
                    retry_count(count, span)
                })?);
            }
            "factor" => {
                let rule = "`factor` is a number from 1 to 100";
                self.factor = Some(meta.value(|input| number(input, 1.0..=100.0, rule))?);
            }
            "jitter" => {
                let rule =
                    "`jitter` is a share from 0 to 1, such as `0.1` for up to 10 % more or less";
                #[expect(clippy::cast_possible_truncation, reason = "a share needs no more")]
                let jitter = meta.value(|input| number(input, 0.0..=1.0, rule))? as f32;
                self.jitter = Some(jitter).filter(|jitter| *jitter > 0.0);
            }
            _ => {
                let message = unknown_option(meta, &FORMULA_KEYS);
                return Err(Error::new(meta.span(), message));
            }
        }
        Ok(())
    }

    /// Evaluates the formula; `span` is where mistakes are reported.
    fn delays(self, span: Span) -> Result<Retries> {
        let (Some(base), Some(count)) = (self.base, self.count) else {
            let message = "`exponential` needs `base` and `count`: \
                           `exponential(base = \"10s\", count = 10)`";
            return Err(Error::new(span, message));
        };
        if count == 0 {
            return Ok(Retries::Count(0));
        }
        let max = self.max.unwrap_or(duration::MAX).min(duration::MAX);
        if max < base {
            return Err(Error::new(
                span,
                "`max` is shorter than `base`: make it at least as long",
            ));
        }
        let factor = self.factor.unwrap_or(2.0);
        let mut next = base.as_secs_f64();
        let mut delays = Vec::new();
        for _ in 0..count {
            let delay = next.min(max.as_secs_f64());
            // The stored unit is the millisecond.
            delays.push(Duration::from_secs_f64((delay * 1000.0).round() / 1000.0));
            next = delay * factor;
        }
        Ok(Retries::List {
            delays,
            jitter: self.jitter,
        })
    }
}

/// Parses a delay greater than zero.
fn nonzero(input: ParseStream<'_>) -> Result<Duration> {
    numbers::nonzero(numbers::delay(input)?)
}

/// Checks a number of retries.
fn retry_count(count: u64, span: Span) -> Result<u32> {
    match u32::try_from(count) {
        Ok(count) if count < MAX_ATTEMPTS => Ok(count),
        _ => Err(Error::new(
            span,
            format!("a number of retries is 0 to {}", MAX_ATTEMPTS - 1),
        )),
    }
}

/// The error for a text or a number with a suffix: `"3"`, `"30s"`, `5m`, `"never"`.
fn one_delay(span: Span, text: &str, expected: &str) -> Error {
    let delay = match duration::parse(text) {
        Ok(delay) => Some(duration::show(delay)),
        Err(_) => duration::suggest(text),
    };
    let message = match (text.trim().parse::<u32>(), delay) {
        (Ok(count), _) => format!("a number has no quotes: write `{count}`"),
        (_, Some(delay)) => format!("delays are a list: write `[\"{delay}\"]`"),
        _ if synonyms::is_none(text) => {
            format!("`{text}` is no number of retries: write `0` for none")
        }
        _ => expected.to_owned(),
    };
    Error::new(span, message)
}

/// Parses a number in `range`; `rule` is the message for any other.
fn number(input: ParseStream<'_>, range: std::ops::RangeInclusive<f64>, rule: &str) -> Result<f64> {
    let lit = values::literal(input, "a number")?;
    let number: Option<f64> = match &lit {
        Lit::Int(number) if number.suffix().is_empty() => number.base10_parse().ok(),
        Lit::Float(number) if number.suffix().is_empty() => number.base10_parse().ok(),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| Error::new(lit.span(), rule))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use syn::parse::Parser as _;

    use super::Retries;

    fn read(text: &str) -> syn::Result<Retries> {
        Retries::read.parse_str(text)
    }

    fn seconds(retries: Retries) -> Vec<f64> {
        match retries {
            Retries::List { delays, .. } => delays.iter().map(Duration::as_secs_f64).collect(),
            Retries::Count(count) => panic!("a count: {count}"),
        }
    }

    #[test]
    fn formulas_become_lists() {
        for (formula, list) in [
            (
                "exponential(base = \"10s\", count = 3)",
                vec![10.0, 20.0, 40.0],
            ),
            (
                "exponential(base = 1, factor = 1.5, count = 3)",
                vec![1.0, 1.5, 2.25],
            ),
            (
                "exponential(base = \"1m\", factor = 1, count = 2)",
                vec![60.0, 60.0],
            ),
            (
                "exponential(base = \"1h\", max = \"90m\", count = 3)",
                vec![3600.0, 5400.0, 5400.0],
            ),
        ] {
            assert_eq!(seconds(read(formula).expect(formula)), list, "{formula}");
        }
    }

    #[test]
    fn a_formula_never_overflows() {
        let list = seconds(
            read("exponential(base = \"366d\", factor = 100, count = 999)").expect("a list"),
        );
        assert_eq!(list.len(), 999);
        assert!(list.iter().all(|delay| *delay <= 366.0 * 86_400.0));
    }

    #[test]
    fn invalid_values_are_rejected() {
        for (text, hint) in [
            ("[]", "retries = 0"),
            ("-1", "negative"),
            ("1000", "0 to 999"),
            ("\"30s\"", "write `[\"30s\"]`"),
            ("\"3\"", "write `3`"),
            ("5m", "write `[\"5m\"]`"),
            ("3x", "expected a list"),
            ("[5m, 1h]", "write `\"5m\"`"),
            ("[-30]", "write `30`"),
            ("[60 * 5]", "write `\"5m\"`"),
            ("[1.5]", "write `\"1s500ms\"`"),
            ("none", "write `0`"),
            ("exponential", "write `exponential("),
            ("exponential(base = 10s, count = 3)", "write `\"10s\"`"),
            ("exponential(base = 10, count = 3x)", "write `3`"),
            (
                "exponential(base = 10, count = 3, jitter = 0.1f32)",
                "a share",
            ),
            ("exponential(initial = 10, count = 3)", "`base`"),
            ("exponential(base = \"0s\", count = 3)", "zero"),
            (
                "exponential(base = \"2m\", max = \"1m\", count = 3)",
                "shorter",
            ),
            (
                "exponential(base = \"2m\", factor = 0.5, count = 3)",
                "from 1 to 100",
            ),
            ("exponential(count = 3)", "base"),
            ("linear", "exponential"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(hint), "{text}: {error}");
        }
    }
}
