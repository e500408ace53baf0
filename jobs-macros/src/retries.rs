//! The key `retries`, and what it means together with `max_attempts`.
//!
//! ```text
//! retries = [30, 60, 120]             delays in seconds
//! retries = ["30s", "1m", "2m"]       the same
//! retries = 5                         five retries after the default delays, the last one repeated
//! retries = 0                         none
//! retries = exponential(base = "10s", factor = 2, max = "1h", count = 10, jitter = 0.1)
//! ```

use std::time::Duration;

use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, LitInt, Result, Token};

use crate::duration;
use crate::errors::Errors;
use crate::given::{Given, Written};
use crate::suggestion::did_you_mean;
use crate::values::{self, MOST_ATTEMPTS};

/// The delays of jobs that name none, in seconds; `jobs::RetryPolicy::DEFAULT` holds the same.
const DEFAULT_DELAYS: [u64; 3] = [30, 60, 120];

/// What `retries` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Retries {
    /// So many, after the default delays.
    Count(u32),
    /// One per delay.
    List {
        /// In order.
        delays: Vec<Duration>,
        /// The share by which they are spread, as written.
        jitter: Option<f32>,
    },
}

/// What a job does about failures: the arguments of `RetryPolicy::new`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Policy {
    pub(crate) max_attempts: u32,
    pub(crate) delays: Vec<Duration>,
    pub(crate) jitter: Option<f32>,
}

impl Policy {
    /// Joins the two keys; `None` when neither is written.
    pub(crate) fn of(
        retries: Option<Written<Retries>>,
        max_attempts: Option<Written<u32>>,
        errors: &mut Errors,
    ) -> Option<Self> {
        if let (Some(retries), Some(max)) = (&retries, &max_attempts) {
            contradiction(retries, max, errors);
        }
        let max_attempts = max_attempts.map(|max| max.value);
        let (mut delays, jitter, retries) = match retries.map(|retries| retries.value) {
            None => (default_delays(), None, max_attempts? - 1),
            Some(Retries::Count(count)) => (default_delays(), None, count),
            Some(Retries::List { delays, jitter }) => {
                let count = u32::try_from(delays.len()).unwrap_or(MOST_ATTEMPTS);
                (delays, jitter, count)
            }
        };
        let max_attempts = max_attempts.unwrap_or(retries + 1);
        delays.truncate(max_attempts as usize - 1);
        Some(Self {
            max_attempts,
            delays,
            jitter,
        })
    }
}

fn default_delays() -> Vec<Duration> {
    DEFAULT_DELAYS.map(Duration::from_secs).to_vec()
}

/// Two numbers that count the same thing must agree. A list and a number do not contradict each
/// other: the list is cut, or its last delay is repeated.
fn contradiction(retries: &Written<Retries>, max: &Written<u32>, errors: &mut Errors) {
    let Retries::Count(count) = retries.value else {
        return;
    };
    let attempts = count + 1;
    if attempts == max.value {
        return;
    }
    let max = &max.value;
    errors.over(
        &retries.key,
        format!(
            "`retries = {count}` makes {attempts} attempts, `max_attempts = {max}` makes {max}: \
             keep one of the two keys",
        ),
    );
}

impl Retries {
    /// Reads the value.
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
            Lit::Int(count) => Ok(Self::Count(small(&count)?)),
            Lit::Str(delay) => Err(Error::new(
                delay.span(),
                format!("expected a list: `retries = [\"{}\"]`", delay.value()),
            )),
            other => Err(Error::new(other.span(), format!("expected {expected}"))),
        }
    }

    fn read_list(input: ParseStream<'_>) -> Result<Self> {
        let list;
        let bracket = syn::bracketed!(list in input);
        let delays = Punctuated::<Lit, Token![,]>::parse_terminated(&list)?;
        let delays: Vec<Duration> = delays.iter().map(delay).collect::<Result<_>>()?;
        if delays.is_empty() {
            let message = "an empty list says nothing: write `retries = 0` for no retries";
            return Err(Error::new(bracket.span.join(), message));
        }
        if delays.len() >= MOST_ATTEMPTS as usize {
            let message = format!("at most {} retries", MOST_ATTEMPTS - 1);
            return Err(Error::new(bracket.span.join(), message));
        }
        Ok(Self::List {
            delays,
            jitter: None,
        })
    }

    /// `exponential(…)`, evaluated now: what is stored is a list.
    fn read_formula(input: ParseStream<'_>) -> Result<Self> {
        let name: Ident = input.parse()?;
        if name != "exponential" || !input.peek(syn::token::Paren) {
            let hint = did_you_mean(&name.to_string(), ["exponential"]);
            let message = format!(
                "unknown formula `{name}`{hint}\nwrite `exponential(base = \"10s\", count = 10)` \
                 or a list"
            );
            return Err(Error::new(name.span(), message));
        }
        let list;
        syn::parenthesized!(list in input);
        let mut formula = Formula::default();
        let mut errors = Errors::default();
        for given in Given::list(list.parse()?, &mut errors) {
            errors.ok(formula.accept(&given));
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
    fn accept(&mut self, given: &Given) -> Result<()> {
        let name = given.name();
        match name.as_str() {
            "base" => self.base = Some(given.value(nonzero)?),
            "max" => self.max = Some(given.value(nonzero)?),
            "count" => self.count = Some(given.value(|input| small(&input.parse()?))?),
            "factor" => {
                let rule = "`factor` is a number from 1 to 100";
                self.factor = Some(given.value(|input| number(input, 1.0..=100.0, rule))?);
            }
            "jitter" => {
                let rule = "`jitter` is a share from 0 to 1, such as `0.1` for 10 % more or less";
                #[expect(clippy::cast_possible_truncation, reason = "a share needs no more")]
                let jitter = given.value(|input| number(input, 0.0..=1.0, rule))? as f32;
                self.jitter = Some(jitter).filter(|jitter| *jitter > 0.0);
            }
            _ => {
                let hint = did_you_mean(&name, FORMULA_KEYS);
                let keys = FORMULA_KEYS.map(|key| format!("`{key}`")).join(", ");
                let message = format!("unknown key `{name}`{hint}\nexpected one of {keys}");
                return Err(Error::new(given.span(), message));
            }
        }
        Ok(())
    }

    fn delays(self, span: proc_macro2::Span) -> Result<Retries> {
        let (Some(base), Some(count)) = (self.base, self.count) else {
            let message = "`exponential` needs `base` and `count`: \
                           `exponential(base = \"10s\", count = 10)`";
            return Err(Error::new(span, message));
        };
        if count == 0 {
            return Ok(Retries::Count(0));
        }
        let max = self.max.unwrap_or(duration::LONGEST).min(duration::LONGEST);
        if max < base {
            return Err(Error::new(span, "`max` is shorter than `base`"));
        }
        let factor = self.factor.unwrap_or(2.0);
        let mut next = base.as_secs_f64();
        let mut delays = Vec::new();
        for _ in 0..count {
            let delay = next.min(max.as_secs_f64());
            // Whole milliseconds: the unit that is stored.
            delays.push(Duration::from_secs_f64((delay * 1000.0).round() / 1000.0));
            next = delay * factor;
        }
        Ok(Retries::List {
            delays,
            jitter: self.jitter,
        })
    }
}

/// A delay in a list: seconds, or a text with a unit.
fn delay(lit: &Lit) -> Result<Duration> {
    match lit {
        Lit::Int(seconds) => {
            let delay = Duration::from_secs(seconds.base10_parse()?);
            match delay > duration::LONGEST {
                true => Err(Error::new(
                    lit.span(),
                    "a number is in seconds: this is longer than a year",
                )),
                false => Ok(delay),
            }
        }
        Lit::Str(_) => values::duration(lit),
        _ => Err(Error::new(
            lit.span(),
            "expected a delay: seconds, or a text such as `\"1m\"`",
        )),
    }
}

fn nonzero(input: ParseStream<'_>) -> Result<Duration> {
    let lit = values::literal(input, "a duration such as `\"10s\"`")?;
    match delay(&lit)? {
        Duration::ZERO => Err(Error::new(lit.span(), "zero times anything is zero")),
        delay => Ok(delay),
    }
}

/// A number of retries.
fn small(number: &LitInt) -> Result<u32> {
    match number.base10_parse() {
        Ok(count) if count < MOST_ATTEMPTS => Ok(count),
        _ => Err(Error::new(
            number.span(),
            format!("at most {} retries", MOST_ATTEMPTS - 1),
        )),
    }
}

fn number(input: ParseStream<'_>, range: std::ops::RangeInclusive<f64>, rule: &str) -> Result<f64> {
    let lit = values::literal(input, "a number")?;
    let number = match &lit {
        Lit::Int(number) => number.base10_parse().ok(),
        Lit::Float(number) => number.base10_parse().ok(),
        _ => None,
    };
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| Error::new(lit.span(), rule))
}
