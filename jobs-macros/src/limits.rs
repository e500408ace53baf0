//! Keys that hold executions back, drop them or put them off.
//!
//! ```text
//! max_concurrent = 5                            max_concurrent = (5, per = "workspace_id")
//! rate_limit = "60/min"                         rate_limit = ("10/s", per = "tenant")
//! unique = (by = ["workspace_id"], within = "10m", on_conflict = "skip")
//! debounce = ("30s", by = ["doc_id"], at_most = "5m")
//! ```
//!
//! None of them is enforced yet. Their mistakes are found all the same, so that what is refused
//! today is right on the day it is not.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser as _};
use syn::{Error, Lit, LitInt, LitStr, Result};

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::given::Given;
use crate::suggestion::did_you_mean;
use crate::values;

/// A field of the payload that a key names: it must be one of the arguments.
#[derive(Clone, Debug)]
pub(crate) struct NamedField {
    /// The key that names it: `rate_limit`.
    pub(crate) key: String,
    /// As written: the argument's name, or the field's of a whole payload.
    pub(crate) name: LitStr,
}

/// `5`, `(5, per = "workspace_id")`
pub(crate) fn max_concurrent(to: &mut Arguments, given: &Given) -> Result<()> {
    limit(to, given, |input| positive(input, "attempts at a time"))
}

/// `"60/min"`, `("10/s", per = "tenant")`
pub(crate) fn rate_limit(to: &mut Arguments, given: &Given) -> Result<()> {
    limit(to, given, rate)
}

/// A value, and the field that there is one limit per value of.
fn limit(to: &mut Arguments, given: &Given, read: fn(ParseStream<'_>) -> Result<()>) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    errors.ok(main_value(given, main, read));
    for option in options {
        match option.name().as_str() {
            "per" => {
                let field = option
                    .like("per = \"workspace_id\"")
                    .value(|input| input.parse());
                let key = given.name();
                to.named
                    .extend(errors.ok(field).map(|name| NamedField { key, name }));
            }
            _ => errors.at(option.span(), unknown(&option, &["per"])),
        }
    }
    errors.into_result()
}

/// `(by = ["workspace_id"], within = "10m", on_conflict = "skip")`
pub(crate) fn unique(to: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    if main.is_some() {
        return Err(given.misshapen());
    }
    for option in options {
        match option.name().as_str() {
            "by" => by(to, given, &option, &mut errors),
            "within" => drop(errors.ok(duration_of(&option, "within = \"10m\""))),
            "on_conflict" => {
                let words = ["skip", "replace", "reject"];
                errors.ok(one_of(&option, "on_conflict = \"skip\"", &words));
            }
            _ => errors.at(
                option.span(),
                unknown(&option, &["by", "within", "on_conflict"]),
            ),
        }
    }
    errors.into_result()
}

/// `"30s"`, `("30s", by = ["doc_id"], at_most = "5m")`
pub(crate) fn debounce(to: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    let delay = errors.ok(main_value(given, main, some_time));
    for option in options {
        match option.name().as_str() {
            "by" => by(to, given, &option, &mut errors),
            "at_most" => {
                let at_most = errors.ok(duration_of(&option, "at_most = \"5m\""));
                if let (Some(delay), Some(at_most)) = (delay, at_most)
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
    errors.into_result()
}

/// `10000`
pub(crate) fn max_waiting(_: &mut Arguments, given: &Given) -> Result<()> {
    given.value(|input| positive(input, "waiting executions"))
}

/// `"1h"`
pub(crate) fn expires(_: &mut Arguments, given: &Given) -> Result<()> {
    given.value(some_time).map(drop)
}

/// `"90d"`, `(succeeded = "1d", failed = "90d")`
pub(crate) fn retain(_: &mut Arguments, given: &Given) -> Result<()> {
    let mut errors = Errors::default();
    let (main, options) = given.compound()?;
    if main.is_some() {
        errors.ok(main_value(given, main, some_time));
    }
    for option in options {
        match option.name().as_str() {
            "succeeded" | "failed" | "cancelled" => {
                errors.ok(duration_of(&option, "failed = \"90d\""));
            }
            _ => {
                let keys = ["succeeded", "failed", "cancelled"];
                errors.at(option.span(), unknown(&option, &keys));
            }
        }
    }
    errors.into_result()
}

/// `"jobs.mail.send"`: words joined by `.`, as a broker's topic exchange has them.
pub(crate) fn routing_key(_: &mut Arguments, given: &Given) -> Result<()> {
    let key: LitStr = given.value(|input| input.parse())?;
    let text = key.value();
    let refused = |message: &str| Err(Error::new(key.span(), format!("`{text}` {message}")));
    if text.contains(['*', '#']) {
        return refused("has a wildcard: those are for bindings, a job has one key");
    }
    let word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
    if !text.split('.').all(word) {
        return refused("is no routing key: join words by `.`, such as `jobs.mail.send`");
    }
    match text.len() {
        0..=255 => Ok(()),
        _ => refused("is longer than the 255 bytes that a broker takes"),
    }
}

/// `by = ["workspace_id"]`
fn by(to: &mut Arguments, given: &Given, option: &Given, errors: &mut Errors) {
    let example = "by = [\"workspace_id\"]";
    let fields = option.clone().like(example).value(values::tags);
    let Some(fields) = errors.ok(fields) else {
        return;
    };
    if fields.is_empty() {
        errors.at(
            option.span(),
            "an empty list makes all payloads the same: name a field, or leave `by` out to \
             compare whole payloads",
        );
    }
    let key = given.name();
    let named = fields.into_iter().map(|name| NamedField {
        key: key.clone(),
        name,
    });
    to.named.extend(named);
}

/// The value before the options.
fn main_value<T>(
    given: &Given,
    main: Option<TokenStream>,
    read: fn(ParseStream<'_>) -> Result<T>,
) -> Result<T> {
    read.parse2(main.ok_or_else(|| given.misshapen())?)
}

/// One of a few words in quotes.
pub(crate) fn one_of(option: &Given, example: &'static str, words: &[&str]) -> Result<()> {
    let word: LitStr = option.clone().like(example).value(|input| input.parse())?;
    let text = word.value();
    if words.contains(&text.as_str()) {
        return Ok(());
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

fn duration_of(option: &Given, example: &'static str) -> Result<Duration> {
    option.clone().like(example).value(some_time)
}

/// A duration that is not nothing.
fn some_time(input: ParseStream<'_>) -> Result<Duration> {
    let lit = values::literal(input, "a duration such as `\"10m\"`")?;
    match values::duration(&lit)? {
        Duration::ZERO => Err(Error::new(lit.span(), "this is no time at all")),
        duration => Ok(duration),
    }
}

fn positive(input: ParseStream<'_>, what: &str) -> Result<()> {
    let expected = format!("a number of {what}, such as `5`");
    match values::literal(input, &expected)? {
        Lit::Int(number) => at_least_one(&number, what),
        other => Err(Error::new(other.span(), format!("expected {expected}"))),
    }
}

fn at_least_one(number: &LitInt, what: &str) -> Result<()> {
    match number.base10_parse::<u32>()? {
        0 => {
            let message =
                format!("a job that may have no {what} is switched off: `enabled = false` says so");
            Err(Error::new(number.span(), message))
        }
        _ => Ok(()),
    }
}

/// The periods of a rate.
const PERIODS: [&str; 4] = ["s", "min", "h", "d"];

/// `"60/min"`
fn rate(input: ParseStream<'_>) -> Result<()> {
    let lit = values::literal(input, "a rate such as `\"60/min\"`")?;
    let Lit::Str(text) = &lit else {
        return Err(Error::new(
            lit.span(),
            "expected a rate such as `\"60/min\"`",
        ));
    };
    check_rate(&text.value()).map_err(|message| Error::new(lit.span(), message))
}

fn check_rate(text: &str) -> std::result::Result<(), String> {
    let wrong = |hint: &str| Err(format!("`{text}` is not a rate: {hint}"));
    let Some((count, period)) = text.split_once('/') else {
        return wrong("write a number of starts per period, such as `\"60/min\"`");
    };
    let (count, period) = (count.trim(), period.trim());
    match count.parse::<u32>() {
        Ok(0) => return wrong("nothing would ever start; `enabled = false` switches a job off"),
        Ok(_) => {}
        Err(_) => return wrong("it begins with a number of starts, such as `\"60/min\"`"),
    }
    let plain = period.trim_end_matches('s');
    let meant = match plain {
        _ if PERIODS.contains(&period) => return Ok(()),
        "" | "sec" | "second" => Some("s"),
        "m" | "minute" | "min" => Some("min"),
        "hour" | "hr" | "h" => Some("h"),
        "day" | "d" => Some("d"),
        _ => None,
    };
    match meant {
        Some(meant) => wrong(&format!("write `\"{count}/{meant}\"`")),
        None => wrong("the period is one of `s`, `min`, `h`, `d`"),
    }
}

/// Makes sure that the named fields exist: `arguments` are the by-value arguments' names and those
/// of by-reference ones.
pub(crate) fn refuse_unknown_fields(
    named: &[NamedField],
    fields: &[String],
    references: &[String],
    errors: &mut Errors,
) {
    for NamedField { name, .. } in named {
        let text = name.value();
        if fields.contains(&text) {
            continue;
        }
        errors.at(name.span(), unknown_field(&text, fields, references));
    }
}

fn unknown_field(text: &str, fields: &[String], references: &[String]) -> String {
    if references.iter().any(|reference| reference == text) {
        return format!("`{text}` comes from the runtime: name a by-value argument");
    }
    // `workspaceId` is how JSON has it; keys speak of arguments.
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let hint = match fields.iter().find(|field| plain(field) == plain(text)) {
        Some(field) => format!(", did you mean `{field}`?"),
        None => did_you_mean(text, fields.iter().map(String::as_str)),
    };
    let expected = match fields {
        [] => "this job has no by-value argument".to_owned(),
        fields => {
            let fields: Vec<String> = fields.iter().map(|field| format!("`{field}`")).collect();
            format!("expected one of {}", fields.join(", "))
        }
    };
    format!("no argument `{text}`{hint}\n{expected}")
}

/// A schedule has nobody to fill in what is required.
pub(crate) fn refuse_required_fields(schedule: Span, required: &[String], errors: &mut Errors) {
    if required.is_empty() {
        return;
    }
    let names: Vec<String> = required.iter().map(|name| format!("`{name}`")).collect();
    errors.at(
        schedule,
        format!(
            "a schedule enqueues the payload of defaults, and {} {} none: add `#[default(…)]`",
            names.join(", "),
            if required.len() == 1 { "has" } else { "have" },
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::check_rate;

    #[test]
    fn rates() {
        for rate in ["60/min", "1/s", "10 / h", "4294967295/d"] {
            assert_eq!(check_rate(rate), Ok(()), "{rate}");
        }
        for (rate, hint) in [
            ("60", "per period"),
            ("0/s", "enabled = false"),
            ("/s", "a number"),
            ("-1/s", "a number"),
            ("60/minute", "`\"60/min\"`"),
            ("60/m", "`\"60/min\"`"),
            ("5/seconds", "`\"5/s\"`"),
            ("5/week", "`s`, `min`, `h`, `d`"),
        ] {
            let error = check_rate(rate).expect_err(rate);
            assert!(error.contains(hint), "{rate}: {error}");
        }
    }
}
