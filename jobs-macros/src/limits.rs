//! Keys that hold executions back, drop them or put them off.
//!
//! ```text
//! max_concurrent = 5                            max_concurrent = (5, per = "plan", weights = ["gold:4"])
//! rate_limit = "60/min"                         rate_limit = ("10/s", per = "tenant")
//! unique = (by = ["workspace_id"], within = "10m", on_conflict = "skip", live = ["pending"])
//! debounce = ("30s", by = ["doc_id"], at_most = "5m")
//! max_waiting = 10000
//! ```

mod fields;
mod rate;
mod weights;

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Lit, LitInt, LitStr, Result};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::given::Given;
use crate::suggestion::did_you_mean;
use crate::values;

pub(crate) use fields::{refuse_required_fields, refuse_unknown_fields};

/// What these keys say.
///
/// Fields are named as they are written, by arguments or as in JSON, until the job is accepted, and
/// as in JSON from then on.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) max_concurrent: Option<MaxConcurrent>,
    pub(crate) rate_limit: Option<RateLimit>,
    pub(crate) unique: Option<Unique>,
    pub(crate) debounce: Option<Debounce>,
    pub(crate) max_waiting: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct MaxConcurrent {
    pub(crate) count: u32,
    pub(crate) per: Option<LitStr>,
    /// Values of that field that have so many times as many.
    pub(crate) weights: Vec<(String, u32)>,
}

#[derive(Debug)]
pub(crate) struct RateLimit {
    pub(crate) count: u32,
    pub(crate) period: Duration,
    pub(crate) per: Option<LitStr>,
}

#[derive(Debug, Default)]
pub(crate) struct Unique {
    /// The whole payload if empty.
    pub(crate) by: Vec<LitStr>,
    pub(crate) within: Option<Duration>,
    /// One of [`CONFLICTS`].
    pub(crate) on_conflict: Option<&'static str>,
    /// Some of [`LIVE`]; all of them if empty.
    pub(crate) live: Vec<&'static str>,
}

#[derive(Debug)]
pub(crate) struct Debounce {
    pub(crate) delay: Duration,
    /// The whole payload if empty.
    pub(crate) by: Vec<LitStr>,
    pub(crate) at_most: Option<Duration>,
}

/// What becomes of the next execution of a unique key.
const CONFLICTS: &[&str] = &["skip", REPLACE, "reject"];

/// The one that waits takes over its payload.
const REPLACE: &str = "replace";

/// The statuses of an execution that is not final.
const LIVE: &[&str] = &["pending", "queued", "running"];

impl Limits {
    /// The fields that keys name.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &LitStr> {
        let by = [
            self.unique.as_ref().map(|unique| &unique.by),
            self.debounce.as_ref().map(|debounce| &debounce.by),
        ];
        self.divided_by().chain(by.into_iter().flatten().flatten())
    }

    /// Refuses keys that put executions together which limits keep apart: the one that waits would
    /// take over a payload of another, and be counted by its own.
    pub(crate) fn refuse_contradictions(&self, errors: &mut Errors) {
        let replaced = self.unique.as_ref();
        let replaced = replaced.filter(|unique| unique.on_conflict == Some(REPLACE));
        let together = [
            ("unique", replaced.map(|unique| &unique.by)),
            ("debounce", self.debounce.as_ref().map(|it| &it.by)),
        ];
        for (key, by) in together {
            let by = by.map_or(&[][..], Vec::as_slice);
            for per in self.divided_by().filter(|_| !by.is_empty()) {
                let field = per.value();
                if !by.iter().any(|name| name.value() == field) {
                    let message = format!(
                        "`{key}` puts executions together whose `{field}` differs, which this \
                         limit counts apart: name `{field}` in its `by` as well"
                    );
                    errors.at(per.span(), message);
                }
            }
        }
    }

    /// The fields that limits are divided by.
    fn divided_by(&self) -> impl Iterator<Item = &LitStr> {
        let per = [
            self.max_concurrent.as_ref().and_then(|it| it.per.as_ref()),
            self.rate_limit.as_ref().and_then(|it| it.per.as_ref()),
        ];
        per.into_iter().flatten()
    }

    /// Gives the fields that keys name other names.
    pub(crate) fn rename(&mut self, renamed: impl Fn(&LitStr) -> LitStr) {
        let per = [
            self.max_concurrent.as_mut().and_then(|it| it.per.as_mut()),
            self.rate_limit.as_mut().and_then(|it| it.per.as_mut()),
        ];
        let by = [
            self.unique.as_mut().map(|unique| &mut unique.by),
            self.debounce.as_mut().map(|debounce| &mut debounce.by),
        ];
        for field in per.into_iter().flatten() {
            *field = renamed(field);
        }
        for field in by.into_iter().flatten().flatten() {
            *field = renamed(field);
        }
    }
}

/// `5`, `(5, per = "workspace_id")`, `(5, per = "plan", weights = ["gold:4"])`
pub(crate) fn max_concurrent(to: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    let read = |input: ParseStream<'_>| positive(input, "attempts at a time");
    let count = errors.ok(main_value(given, main, read));
    let (mut per, mut weights, mut weighted) = (None, Vec::new(), None);
    for option in options {
        match option.name().as_str() {
            "per" => per = self::per(&option, &mut errors),
            "weights" => {
                weights = weights::read(&option, &mut errors);
                weighted = Some(option.span());
            }
            _ => errors.at(option.span(), unknown(&option, &["per", "weights"])),
        }
    }
    if let (None, Some(span)) = (&per, weighted) {
        errors.at(
            span,
            "these are weights of nothing: name the field whose values they are, \
             `per = \"plan\"`",
        );
    }
    // Whatever could not be read is reported, and what is made of the rest is not used.
    let count = count.unwrap_or(1);
    to.limits.max_concurrent = Some(MaxConcurrent {
        count,
        per,
        weights,
    });
    errors.into_result()
}

/// `"60/min"`, `("10/s", per = "tenant")`
pub(crate) fn rate_limit(to: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    let rate = errors.ok(main_value(given, main, rate::read));
    let mut per = None;
    for option in options {
        match option.name().as_str() {
            "per" => per = self::per(&option, &mut errors),
            _ => errors.at(option.span(), unknown(&option, &["per"])),
        }
    }
    let (count, period) = rate.unwrap_or((1, Duration::from_secs(1)));
    to.limits.rate_limit = Some(RateLimit { count, period, per });
    errors.into_result()
}

/// The field that there is one limit per value of.
fn per(option: &Given, errors: &mut Errors) -> Option<LitStr> {
    let field = option.clone().like("per = \"workspace_id\"");
    errors.ok(field.value(|input| input.parse()))
}

/// `(by = ["workspace_id"], within = "10m", on_conflict = "skip", live = ["pending"])`
pub(crate) fn unique(to: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    if main.is_some() {
        return Err(given.misshapen());
    }
    let mut unique = Unique::default();
    for option in options {
        match option.name().as_str() {
            "by" => unique.by = by(&option, &mut errors),
            "within" => unique.within = errors.ok(duration_of(&option, "within = \"10m\"")),
            "on_conflict" => {
                let word = one_of(&option, "on_conflict = \"skip\"", CONFLICTS);
                unique.on_conflict = errors.ok(word);
            }
            "live" => unique.live = live(&option, &mut errors),
            _ => {
                let keys = ["by", "within", "on_conflict", "live"];
                errors.at(option.span(), unknown(&option, &keys));
            }
        }
    }
    to.limits.unique = Some(unique);
    errors.into_result()
}

/// `live = ["pending", "queued"]`
fn live(option: &Given, errors: &mut Errors) -> Vec<&'static str> {
    let example = "live = [\"pending\", \"queued\"]";
    let Some(words) = errors.ok(option.clone().like(example).value(values::tags)) else {
        return Vec::new();
    };
    if words.is_empty() {
        errors.at(
            option.span(),
            "in no status would an execution keep others away: name one, or leave `live` out for \
             all that are not final",
        );
    }
    let words = words.iter().map(|word| known_word(word, LIVE));
    words.filter_map(|word| errors.ok(word)).collect()
}

/// `"30s"`, `("30s", by = ["doc_id"], at_most = "5m")`
pub(crate) fn debounce(to: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    let delay = errors.ok(main_value(given, main, some_time));
    let mut debounce = Debounce {
        delay: delay.unwrap_or(Duration::MAX),
        by: Vec::new(),
        at_most: None,
    };
    for option in options {
        match option.name().as_str() {
            "by" => debounce.by = by(&option, &mut errors),
            "at_most" => {
                debounce.at_most = errors.ok(duration_of(&option, "at_most = \"5m\""));
                if let (Some(delay), Some(at_most)) = (delay, debounce.at_most)
                    && at_most <= delay
                {
                    errors.at(
                        option.span(),
                        "`at_most` is not longer than the delay itself, so nothing would ever be \
                         put off twice: make it longer, or leave it out",
                    );
                }
            }
            _ => errors.at(option.span(), unknown(&option, &["by", "at_most"])),
        }
    }
    to.limits.debounce = Some(debounce);
    errors.into_result()
}

/// `10000`
pub(crate) fn max_waiting(to: &mut Arguments, given: &Given) -> Result<()> {
    let count = given.value(|input| positive(input, "waiting executions"))?;
    to.limits.max_waiting = Some(count);
    Ok(())
}

/// `by = ["workspace_id"]`
fn by(option: &Given, errors: &mut Errors) -> Vec<LitStr> {
    let example = "by = [\"workspace_id\"]";
    let fields = errors.ok(option.clone().like(example).value(values::tags));
    if fields.as_ref().is_some_and(Vec::is_empty) {
        errors.at(
            option.span(),
            "an empty list makes all payloads the same: name a field, or leave `by` out to \
             compare whole payloads",
        );
    }
    fields.unwrap_or_default()
}

/// The value before the options.
pub(crate) fn main_value<T>(
    given: &Given,
    main: Option<TokenStream>,
    read: fn(ParseStream<'_>) -> Result<T>,
) -> Result<T> {
    read.parse2(main.ok_or_else(|| given.misshapen())?)
}

/// One of a few words in quotes.
pub(crate) fn one_of(
    option: &Given,
    example: &'static str,
    words: &[&'static str],
) -> Result<&'static str> {
    let word: LitStr = option.clone().like(example).value(|input| input.parse())?;
    known_word(&word, words)
}

fn known_word(word: &LitStr, words: &[&'static str]) -> Result<&'static str> {
    let text = word.value();
    if let Some(known) = words.iter().find(|known| **known == text) {
        return Ok(known);
    }
    let hint = did_you_mean(&text, words.iter().copied());
    let words: Vec<String> = words.iter().map(|word| format!("`\"{word}\"`")).collect();
    let message = format!(
        "unknown word `{text}`{hint}\nexpected one of {}",
        words.join(", ")
    );
    Err(Error::new(word.span(), message))
}

/// What to say about an option that a key does not have.
pub(crate) fn unknown(option: &Given, known: &[&str]) -> String {
    let name = option.name();
    let hint = did_you_mean(&name, known.iter().copied());
    let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    format!(
        "unknown key `{name}`{hint}\nexpected one of {}",
        known.join(", ")
    )
}

pub(crate) fn duration_of(option: &Given, example: &'static str) -> Result<Duration> {
    option.clone().like(example).value(some_time)
}

/// A duration that is not nothing.
pub(crate) fn some_time(input: ParseStream<'_>) -> Result<Duration> {
    let lit = values::literal(input, "a duration such as `\"10m\"`")?;
    match values::duration(&lit)? {
        Duration::ZERO => Err(Error::new(lit.span(), "this is no time at all")),
        duration => Ok(duration),
    }
}

fn positive(input: ParseStream<'_>, what: &str) -> Result<u32> {
    let expected = format!("a number of {what}, such as `5`");
    match values::literal(input, &expected)? {
        Lit::Int(number) => at_least_one(&number, what),
        other => Err(Error::new(other.span(), format!("expected {expected}"))),
    }
}

fn at_least_one(number: &LitInt, what: &str) -> Result<u32> {
    match number.base10_parse()? {
        0 => {
            let message =
                format!("a job that may have no {what} is switched off: `enabled = false` says so");
            Err(Error::new(number.span(), message))
        }
        count => Ok(count),
    }
}
