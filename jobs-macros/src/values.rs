//! Values of keys: each reader turns tokens into what they mean, once, and points at what it
//! cannot read.

use std::time::Duration;

use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Error, Lit, LitStr, Result, Token};

use crate::case::RENAME_RULES;
use crate::suggestion::did_you_mean;
use crate::{duration, id};

/// A job's place in its queue, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// By the name of a constant of `jobs::Priority`.
    Named(&'static str),
    /// By number.
    Value(u8),
}

/// The names that are written, and the constants they mean.
const PRIORITIES: &[(&str, &str)] = &[
    ("low", "Low"),
    ("normal", "Normal"),
    ("high", "High"),
    ("critical", "Critical"),
];

/// Text that says something.
pub(crate) fn words(input: ParseStream<'_>) -> Result<LitStr> {
    let text = string(input)?;
    match text.value().trim().is_empty() {
        true => Err(Error::new(
            text.span(),
            "this says nothing: write a text or leave it out",
        )),
        false => Ok(text),
    }
}

/// An id, or a name of the same grammar.
pub(crate) fn id(input: ParseStream<'_>) -> Result<LitStr> {
    let id = string(input)?;
    match id::check(&id.value()) {
        Ok(()) => Ok(id),
        Err(message) => Err(Error::new(id.span(), message)),
    }
}

/// A list of ids.
pub(crate) fn ids(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    once_each(list(input, id)?)
}

/// A list of words.
pub(crate) fn tags(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    once_each(list(input, words)?)
}

/// `"5m"`, or `"none"` for as long as it likes.
pub(crate) fn timeout(input: ParseStream<'_>) -> Result<Option<Duration>> {
    let lit: Lit = literal(input, "a duration such as `\"5m\"`, or `\"none\"`")?;
    match &lit {
        Lit::Str(text) if text.value() == "none" => return Ok(None),
        Lit::Int(number) => {
            let message = format!("a timeout has a unit: write `\"{number}s\"`");
            return Err(Error::new(lit.span(), message));
        }
        _ => {}
    }
    let timeout = duration(&lit)?;
    if timeout.is_zero() {
        let message = "no attempt ends in no time: write `\"none\"` for no timeout";
        return Err(Error::new(lit.span(), message));
    }
    Ok(Some(timeout))
}

/// How many attempts, the first included.
pub(crate) fn attempts(input: ParseStream<'_>) -> Result<u32> {
    let number: syn::LitInt = input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected a number such as `3`"))?;
    match number.base10_parse()? {
        0 => Err(Error::new(
            number.span(),
            "the first attempt counts: `max_attempts` is at least 1",
        )),
        attempts @ 1..=MOST_ATTEMPTS => Ok(attempts),
        _ => Err(Error::new(
            number.span(),
            format!("`max_attempts` is at most {MOST_ATTEMPTS}"),
        )),
    }
}

/// More attempts than anyone means.
pub(crate) const MOST_ATTEMPTS: u32 = 1000;

/// `"high"` or `70`.
pub(crate) fn priority(input: ParseStream<'_>) -> Result<Priority> {
    let expected = "`\"low\"`, `\"normal\"`, `\"high\"`, `\"critical\"` or a number from 0 to 100";
    let lit = literal(input, expected)?;
    let refused = |hint: &str| Error::new(lit.span(), format!("expected {expected}{hint}"));
    match &lit {
        Lit::Int(number) => match number.base10_parse() {
            Ok(value @ 0..=100) => Ok(Priority::Value(value)),
            _ => Err(refused("")),
        },
        Lit::Str(text) => {
            let text = text.value();
            let named = PRIORITIES.iter().find(|(name, _)| *name == text);
            let (_, constant) = named.ok_or_else(|| {
                refused(&did_you_mean(
                    &text,
                    PRIORITIES.iter().map(|(name, _)| *name),
                ))
            })?;
            Ok(Priority::Named(constant))
        }
        _ => Err(refused("")),
    }
}

/// A naming rule of serde.
pub(crate) fn rename_rule(input: ParseStream<'_>) -> Result<LitStr> {
    let rule = string(input)?;
    let written = rule.value();
    if RENAME_RULES.contains(&written.as_str()) {
        return Ok(rule);
    }
    // A rule's own name is written in its case, which hides how near a guess is.
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let suggestion = RENAME_RULES
        .iter()
        .find(|rule| plain(rule) == plain(&written))
        .map(|rule| format!(", did you mean `{rule}`?"))
        .unwrap_or_else(|| did_you_mean(&written, RENAME_RULES.iter().copied()));
    let rules: Vec<String> = RENAME_RULES
        .iter()
        .map(|rule| format!("`{rule}`"))
        .collect();
    Err(Error::new(
        rule.span(),
        format!(
            "unknown rule `{written}`{suggestion}\nexpected one of {}",
            rules.join(", ")
        ),
    ))
}

/// The duration in a text literal.
pub(crate) fn duration(lit: &Lit) -> Result<Duration> {
    let read = match lit {
        Lit::Str(text) => duration::parse(&text.value()),
        _ => Err("expected a duration such as `\"5m\"`".to_owned()),
    };
    read.map_err(|message| Error::new(lit.span(), message))
}

/// Any literal; `expected` says which one is meant.
pub(crate) fn literal(input: ParseStream<'_>, expected: &str) -> Result<Lit> {
    let start = input.cursor().token_stream();
    input
        .parse()
        .map_err(|_| Error::new_spanned(first(start), format!("expected {expected}")))
}

/// What is wrong is said at one token, not at everything that follows.
fn first(tokens: proc_macro2::TokenStream) -> proc_macro2::TokenStream {
    tokens.into_iter().take(1).collect()
}

fn string(input: ParseStream<'_>) -> Result<LitStr> {
    match literal(input, "a text in quotes")? {
        Lit::Str(text) => Ok(text),
        other => Err(Error::new(other.span(), "expected a text in quotes")),
    }
}

fn list<T>(input: ParseStream<'_>, item: fn(ParseStream<'_>) -> Result<T>) -> Result<Vec<T>> {
    if !input.peek(syn::token::Bracket) {
        let message = "expected a list in brackets, such as `[\"a\", \"b\"]`";
        return Err(input.error(message));
    }
    let items;
    syn::bracketed!(items in input);
    let items = Punctuated::<T, Token![,]>::parse_terminated_with(&items, item)?;
    Ok(items.into_iter().collect())
}

fn once_each(items: Vec<LitStr>) -> Result<Vec<LitStr>> {
    for (n, item) in items.iter().enumerate() {
        if items[..n]
            .iter()
            .any(|earlier| earlier.value() == item.value())
        {
            let message = format!("`{}` is listed twice", item.value());
            return Err(Error::new(item.span(), message));
        }
    }
    Ok(items)
}
