//! The parsers of the keys that limit, deduplicate or postpone executions.
//!
//! ```text
//! max_concurrent = 5                 max_concurrent = (5, per = "plan", weights = ["gold:4"])
//! rate_limit = "60/min"              rate_limit = ("10/s", per = "tenant")
//! unique = (by = ["workspace_id"], within = "10m", on_conflict = "skip", live = ["pending"])
//! debounce = ("30s", by = ["doc_id"], at_most = "5m")
//! max_waiting = 10000
//! ```
//!
//! Like the rest of `attribute`, this module imports `errors` and the crate `jobs-grammar`. It must
//! not import `signature`, `model` or `expansion`.

mod rate;
mod weights;

use std::time::Duration;

use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::TokenStream;
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, LitStr, Result};

use super::meta::to_end;
use super::{JobAttribute, Meta, numbers, synonyms, values};
use crate::errors::Errors;

/// The values of these keys.
///
/// `F` names a field of the payload. In a [`JobAttribute`] it is the text that the author wrote; in
/// an accepted job it is the field's name in JSON, which is another type.
#[derive(Debug)]
pub(crate) struct Limits<F> {
    pub(crate) max_concurrent: Option<MaxConcurrent<F>>,
    pub(crate) rate_limit: Option<RateLimit<F>>,
    pub(crate) unique: Option<Unique<F>>,
    pub(crate) debounce: Option<Debounce<F>>,
    pub(crate) max_waiting: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct MaxConcurrent<F> {
    pub(crate) count: u32,
    pub(crate) per: Option<F>,
    /// Values of the field `per`, and the factor on `count` for each.
    pub(crate) weights: Vec<(String, u32)>,
}

#[derive(Debug)]
pub(crate) struct RateLimit<F> {
    pub(crate) count: u32,
    pub(crate) period: Duration,
    pub(crate) per: Option<F>,
}

#[derive(Debug)]
pub(crate) struct Unique<F> {
    /// Empty for the whole payload.
    pub(crate) by: Vec<F>,
    pub(crate) within: Option<Duration>,
    /// One of [`CONFLICTS`].
    pub(crate) on_conflict: Option<&'static str>,
    /// Some of [`LIVE`]. Empty for all of them.
    pub(crate) live: Vec<&'static str>,
}

#[derive(Debug)]
pub(crate) struct Debounce<F> {
    pub(crate) delay: Duration,
    /// Empty for the whole payload.
    pub(crate) by: Vec<F>,
    pub(crate) at_most: Option<Duration>,
}

/// The values of `on_conflict`.
const CONFLICTS: &[&str] = &["skip", REPLACE, "reject"];

/// The waiting execution takes over the payload of the new one.
const REPLACE: &str = "replace";

/// The statuses of an execution that is not final.
const LIVE: &[&str] = &["pending", "queued", "running"];

impl<F> Default for Limits<F> {
    fn default() -> Self {
        Self {
            max_concurrent: None,
            rate_limit: None,
            unique: None,
            debounce: None,
            max_waiting: None,
        }
    }
}

impl<F> Limits<F> {
    /// The fields in `per`: there is one limit per value of such a field.
    fn per_fields(&self) -> impl Iterator<Item = &F> {
        let per = [
            self.max_concurrent.as_ref().and_then(|it| it.per.as_ref()),
            self.rate_limit.as_ref().and_then(|it| it.per.as_ref()),
        ];
        per.into_iter().flatten()
    }

    /// All fields in `per` and `by`.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &F> {
        let by = [
            self.unique.as_ref().map(|unique| &unique.by),
            self.debounce.as_ref().map(|debounce| &debounce.by),
        ];
        self.per_fields().chain(by.into_iter().flatten().flatten())
    }

    /// The same limits with every field mapped.
    pub(crate) fn map_fields<G>(self, map: impl Fn(F) -> G) -> Limits<G> {
        let map_all = |fields: Vec<F>| fields.into_iter().map(&map).collect();
        Limits {
            max_concurrent: self.max_concurrent.map(|limit| MaxConcurrent {
                count: limit.count,
                per: limit.per.map(&map),
                weights: limit.weights,
            }),
            rate_limit: self.rate_limit.map(|limit| RateLimit {
                count: limit.count,
                period: limit.period,
                per: limit.per.map(&map),
            }),
            unique: self.unique.map(|unique| Unique {
                by: map_all(unique.by),
                within: unique.within,
                on_conflict: unique.on_conflict,
                live: unique.live,
            }),
            debounce: self.debounce.map(|debounce| Debounce {
                delay: debounce.delay,
                by: map_all(debounce.by),
                at_most: debounce.at_most,
            }),
            max_waiting: self.max_waiting,
        }
    }
}

impl Limits<LitStr> {
    /// Reports a key that merges executions with different values of a `per` field.
    ///
    /// A waiting execution would take over the payload of another one, and count for that one's
    /// limit instead of its own.
    pub(crate) fn reject_contradictions(&self, errors: &mut Errors) {
        let replacing = self.unique.as_ref();
        let replacing = replacing.filter(|unique| unique.on_conflict == Some(REPLACE));
        let merging = [
            ("unique", replacing.map(|unique| &unique.by)),
            ("debounce", self.debounce.as_ref().map(|it| &it.by)),
        ];
        for (key, by) in merging {
            let by = by.map_or(&[][..], Vec::as_slice);
            for per in self.per_fields().filter(|_| !by.is_empty()) {
                let field = per.value();
                if !by.iter().any(|name| name.value() == field) {
                    let message = format!(
                        "`{key}` merges executions whose `{field}` differs, and this limit counts \
                         each `{field}` separately: add `\"{field}\"` to the `by` of `{key}`"
                    );
                    errors.at(per.span(), message);
                }
            }
        }
    }
}

/// Parses `5` or `(5, per = "plan", weights = ["gold:4"])`.
pub(crate) fn max_concurrent(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = meta.value_and_options()?;
    let read = |input: ParseStream<'_>| positive(input, "attempts at a time");
    let count = errors.ok(main_value(meta, main, read));
    let (mut per, mut weights, mut weighted) = (None, Vec::new(), None);
    for option in options {
        match option.name().as_str() {
            "per" => per = self::per(&option, &mut errors),
            "weights" => {
                weights = weights::read(&option, &mut errors);
                weighted = Some(option.span());
            }
            _ => errors.at(option.span(), unknown_option(&option, &["per", "weights"])),
        }
    }
    if let (None, Some(span)) = (&per, weighted) {
        errors.at(
            span,
            "`weights` needs `per`: name the field whose values have weights, such as \
             `per = \"plan\"`",
        );
    }
    // An unreadable count is reported. The placeholder is never used.
    let count = count.unwrap_or(1);
    to.limits.max_concurrent = Some(MaxConcurrent {
        count,
        per,
        weights,
    });
    errors.into_result()
}

/// Parses `"60/min"` or `("10/s", per = "tenant")`.
pub(crate) fn rate_limit(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = meta.value_and_options()?;
    let rate = errors.ok(main_value(meta, main, rate::read));
    let mut per = None;
    for option in options {
        match option.name().as_str() {
            "per" => per = self::per(&option, &mut errors),
            _ => errors.at(option.span(), unknown_option(&option, &["per"])),
        }
    }
    let (count, period) = rate.unwrap_or((1, Duration::from_secs(1)));
    to.limits.rate_limit = Some(RateLimit { count, period, per });
    errors.into_result()
}

/// Parses `per = "workspace_id"`.
fn per(option: &Meta, errors: &mut Errors) -> Option<LitStr> {
    let field = option.clone().with_example("per = \"workspace_id\"");
    errors.ok(field.value(values::string))
}

/// Parses `(by = ["workspace_id"], within = "10m", on_conflict = "skip", live = ["pending"])`.
pub(crate) fn unique(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = meta.value_and_options()?;
    if main.is_some() {
        return Err(meta.wrong_form());
    }
    let mut unique = Unique {
        by: Vec::new(),
        within: None,
        on_conflict: None,
        live: Vec::new(),
    };
    for option in options {
        match option.name().as_str() {
            "by" => unique.by = by(&option, &mut errors),
            "within" => unique.within = errors.ok(duration_option(&option, "within = \"10m\"")),
            "on_conflict" => {
                let word = one_of(&option, "on_conflict = \"skip\"", CONFLICTS);
                unique.on_conflict = errors.ok(word);
            }
            "live" => unique.live = live(&option, &mut errors),
            _ => {
                let keys = ["by", "within", "on_conflict", "live"];
                errors.at(option.span(), unknown_option(&option, &keys));
            }
        }
    }
    to.limits.unique = Some(unique);
    errors.into_result()
}

/// Parses `live = ["pending", "queued"]`.
fn live(option: &Meta, errors: &mut Errors) -> Vec<&'static str> {
    let example = "live = [\"pending\", \"queued\"]";
    let Some(words) = errors.ok(option.clone().with_example(example).value(values::texts)) else {
        return Vec::new();
    };
    if words.is_empty() {
        errors.at(
            option.span(),
            "an empty list names no status: name one, or leave `live` out for every status that is \
             not final",
        );
    }
    let words = words.iter().map(|word| known_word(word, LIVE));
    words.filter_map(|word| errors.ok(word)).collect()
}

/// Parses `"30s"` or `("30s", by = ["doc_id"], at_most = "5m")`.
pub(crate) fn debounce(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = meta.value_and_options()?;
    let delay = errors.ok(main_value(meta, main, nonzero_duration));
    let mut debounce = Debounce {
        delay: delay.unwrap_or(Duration::MAX),
        by: Vec::new(),
        at_most: None,
    };
    for option in options {
        match option.name().as_str() {
            "by" => debounce.by = by(&option, &mut errors),
            "at_most" => {
                debounce.at_most = errors.ok(duration_option(&option, "at_most = \"5m\""));
                if let (Some(delay), Some(at_most)) = (delay, debounce.at_most)
                    && at_most <= delay
                {
                    errors.at(
                        option.span(),
                        "`at_most` is not longer than the delay, so no execution could be \
                         postponed twice: make it longer, or leave it out",
                    );
                }
            }
            _ => errors.at(option.span(), unknown_option(&option, &["by", "at_most"])),
        }
    }
    to.limits.debounce = Some(debounce);
    errors.into_result()
}

/// Parses a number such as `10000`.
pub(crate) fn max_waiting(to: &mut JobAttribute, meta: &Meta) -> Result<()> {
    let count = meta.value(|input| positive(input, "waiting executions"))?;
    to.limits.max_waiting = Some(count);
    Ok(())
}

/// Parses `by = ["workspace_id"]`.
fn by(option: &Meta, errors: &mut Errors) -> Vec<LitStr> {
    let example = "by = [\"workspace_id\"]";
    let fields = errors.ok(option.clone().with_example(example).value(values::texts));
    if fields.as_ref().is_some_and(Vec::is_empty) {
        errors.at(
            option.span(),
            "an empty list makes all payloads the same: name a field, or leave `by` out to \
             compare whole payloads",
        );
    }
    fields.unwrap_or_default()
}

/// Parses the value before the options.
pub(crate) fn main_value<T>(
    meta: &Meta,
    main: Option<TokenStream>,
    read: fn(ParseStream<'_>) -> Result<T>,
) -> Result<T> {
    to_end(read).parse2(main.ok_or_else(|| meta.wrong_form())?)
}

/// Parses one of `words` in quotes.
pub(crate) fn one_of(
    option: &Meta,
    example: &'static str,
    words: &[&'static str],
) -> Result<&'static str> {
    let word: LitStr = option.clone().with_example(example).value(values::string)?;
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

/// The message for an option that the key does not have.
pub(crate) fn unknown_option(option: &Meta, known: &[&str]) -> String {
    let name = option.name();
    let hint = match synonyms::option(&name, known) {
        Some(meant) => format!(", did you mean `{meant}`?"),
        None => did_you_mean(&name, known.iter().copied()),
    };
    let known: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
    format!(
        "unknown key `{name}`{hint}\nexpected one of {}",
        known.join(", ")
    )
}

/// Parses the duration of an option.
pub(crate) fn duration_option(option: &Meta, example: &'static str) -> Result<Duration> {
    option.clone().with_example(example).value(nonzero_duration)
}

/// Parses a duration greater than zero.
pub(crate) fn nonzero_duration(input: ParseStream<'_>) -> Result<Duration> {
    numbers::nonzero(numbers::duration(input, "a duration such as `\"10m\"`")?)
}

/// Parses a number of at least 1; `what` names the counted things.
fn positive(input: ParseStream<'_>, what: &str) -> Result<u32> {
    let (count, span) = numbers::count(input, &format!("a number of {what}, such as `5`"))?;
    match u32::try_from(count) {
        Ok(0) => {
            let message = format!(
                "0 {what} would switch the job off: write at least 1, or \
                 `enabled = false`"
            );
            Err(Error::new(span, message))
        }
        Ok(count) => Ok(count),
        Err(_) => Err(Error::new(span, format!("`{count}` is too large"))),
    }
}
