//! Parsers of values that several keys share.
//!
//! A parser turns tokens into a typed value, or returns an error at the token it cannot read.

use std::time::Duration;

use jobs_grammar::suggestion::did_you_mean;
use proc_macro2::{TokenStream, TokenTree};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, Lit, LitStr, Path, Result, Token};

use super::{numbers, synonyms};

/// A job's priority, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Priority {
    /// The name of a constant of `jobs::Priority`.
    Named(&'static str),
    /// A number.
    Value(u8),
}

/// The names in the attribute, and the constants of `jobs::Priority`.
const PRIORITIES: &[(&str, &str)] = &[
    ("low", "Low"),
    ("normal", "Normal"),
    ("high", "High"),
    ("critical", "Critical"),
];

/// The values of `rename_all`: serde's naming rules.
const RENAME_RULES: &[&str] = &[
    "camelCase",
    "snake_case",
    "PascalCase",
    "kebab-case",
    "SCREAMING_SNAKE_CASE",
    "SCREAMING-KEBAB-CASE",
    "lowercase",
    "UPPERCASE",
];

/// A text that is not blank.
pub(crate) fn text(input: ParseStream<'_>) -> Result<LitStr> {
    let text = string(input)?;
    if text.value().trim().is_empty() {
        let message = "this text is empty: write one, or leave it out";
        return Err(Error::new(text.span(), message));
    }
    Ok(text)
}

/// Words joined by `.`, as in an AMQP topic exchange.
pub(crate) fn routing_key(input: ParseStream<'_>) -> Result<LitStr> {
    let key = string(input)?;
    let text = key.value();
    let invalid = |message: &str| Err(Error::new(key.span(), format!("`{text}` {message}")));
    if text.contains(['*', '#']) {
        return invalid(
            "has a wildcard: a job has one fixed routing key, and only bindings have wildcards",
        );
    }
    let word = |word: &str| !word.is_empty() && !word.contains(char::is_whitespace);
    if !text.split('.').all(word) {
        return invalid("is not a routing key: join words by `.`, such as `jobs.mail.send`");
    }
    // A prefix of up to 60 bytes and a dot come before it in the name of the broker queue.
    match text.len() {
        0..=190 => Ok(key),
        _ => invalid("is too long: a routing key has at most 190 bytes"),
    }
}

/// A job id, or a name of the same grammar.
pub(crate) fn id(input: ParseStream<'_>) -> Result<LitStr> {
    let id = string(input)?;
    match jobs_grammar::id::check(&id.value()) {
        Ok(()) => Ok(id),
        Err(message) => Err(Error::new(id.span(), message)),
    }
}

/// A list of distinct ids.
pub(crate) fn ids(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    once_each(list(input, id)?)
}

/// A list of distinct texts.
pub(crate) fn texts(input: ParseStream<'_>) -> Result<Vec<LitStr>> {
    once_each(list(input, text)?)
}

/// A timeout such as `"5m"`; `"none"` is `None`.
pub(crate) fn timeout(input: ParseStream<'_>) -> Result<Option<Duration>> {
    let expected = "a duration such as `\"5m\"`, or `\"none\"`";
    let no_timeout =
        |word: &str| format!("`{word}` is no duration: write `\"none\"` for no timeout");
    if let Some(word) = bare_word(input).filter(|word| synonyms::is_none(word)) {
        return Err(input.error(no_timeout(&word)));
    }
    if input.peek(LitStr) {
        let text = input.fork().parse::<LitStr>()?.value();
        if text == "none" {
            input.parse::<LitStr>()?;
            return Ok(None);
        }
        if synonyms::is_none(&text) {
            return Err(input.error(no_timeout(&text)));
        }
    }
    match numbers::duration(input, expected)? {
        (Duration::ZERO, span) => Err(Error::new(
            span,
            "a timeout of zero would end every attempt: write `\"none\"` for no timeout",
        )),
        (timeout, _) => Ok(Some(timeout)),
    }
}

/// A number of attempts, the first included.
pub(crate) fn attempts(input: ParseStream<'_>) -> Result<u32> {
    let (count, span) = numbers::count(input, "a number such as `3`")?;
    match u32::try_from(count) {
        Ok(0) => Err(Error::new(
            span,
            "the first attempt counts: `max_attempts` is at least 1",
        )),
        Ok(attempts @ 1..=MAX_ATTEMPTS) => Ok(attempts),
        _ => Err(Error::new(
            span,
            format!("`max_attempts` is at most {MAX_ATTEMPTS}"),
        )),
    }
}

/// The bound of `max_attempts`.
pub(crate) const MAX_ATTEMPTS: u32 = 1000;

/// A priority such as `"high"` or `70`.
pub(crate) fn priority(input: ParseStream<'_>) -> Result<Priority> {
    let expected = "`\"low\"`, `\"normal\"`, `\"high\"`, `\"critical\"` or a number from 0 to 100";
    if let Some(word) = bare_word(input) {
        let hint = did_you_mean(&word, PRIORITIES.iter().map(|(name, _)| *name));
        return Err(
            input.error(match PRIORITIES.iter().find(|(name, _)| *name == word) {
                Some(_) => format!("a priority is in quotes: write `\"{word}\"`"),
                None => format!("expected {expected}{hint}"),
            }),
        );
    }
    let lit = literal(input, expected)?;
    let invalid = |hint: &str| Error::new(lit.span(), format!("expected {expected}{hint}"));
    match &lit {
        Lit::Int(number) => match u8::try_from(numbers::whole(number)?) {
            Ok(value @ 0..=100) => Ok(Priority::Value(value)),
            _ => Err(invalid("")),
        },
        Lit::Str(text) => {
            let text = text.value();
            if let Ok(number @ 0..=100) = text.trim().parse::<u8>() {
                let message = format!("a number has no quotes: write `{number}`");
                return Err(Error::new(lit.span(), message));
            }
            let named = PRIORITIES.iter().find(|(name, _)| *name == text);
            let (_, constant) = named.ok_or_else(|| {
                invalid(&did_you_mean(
                    &text,
                    PRIORITIES.iter().map(|(name, _)| *name),
                ))
            })?;
            Ok(Priority::Named(constant))
        }
        _ => Err(invalid("")),
    }
}

/// A naming rule of serde.
pub(crate) fn rename_rule(input: ParseStream<'_>) -> Result<LitStr> {
    let rule = string(input)?;
    let name = rule.value();
    if RENAME_RULES.contains(&name.as_str()) {
        return Ok(rule);
    }
    // `camel_case` means `camelCase`: compare the letters first.
    let plain = |text: &str| text.replace(['_', '-'], "").to_ascii_lowercase();
    let suggestion = RENAME_RULES
        .iter()
        .find(|rule| plain(rule) == plain(&name))
        .map(|rule| format!(", did you mean `{rule}`?"))
        .unwrap_or_else(|| did_you_mean(&name, RENAME_RULES.iter().copied()));
    let rules: Vec<String> = RENAME_RULES
        .iter()
        .map(|rule| format!("`{rule}`"))
        .collect();
    Err(Error::new(
        rule.span(),
        format!(
            "unknown rule `{name}`{suggestion}\nexpected one of {}",
            rules.join(", ")
        ),
    ))
}

/// The path of the crate `jobs`.
pub(crate) fn krate(input: ParseStream<'_>) -> Result<Path> {
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        let message = format!("a path has no quotes: write `crate = {}`", text.value());
        return Err(Error::new(text.span(), message));
    }
    let path = input.call(Path::parse_mod_style)?;
    match path.segments.first() {
        // The derives take their crate's path as text, and `$crate` has no text.
        Some(first) if first.ident == "$crate" => Err(Error::new_spanned(
            &path,
            "`$crate` cannot be passed on to the derives of serde and schemars: name the crate",
        )),
        _ => Ok(path),
    }
}

/// The path of a function.
pub(crate) fn function(input: ParseStream<'_>) -> Result<Path> {
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        let message = format!("a path has no quotes: write `upcast = {}`", text.value());
        return Err(Error::new(text.span(), message));
    }
    let path = input.call(Path::parse_mod_style).map_err(|error| {
        let message = "expected the name of a function, such as `from_older_versions`";
        Error::new(error.span(), message)
    })?;
    if input.peek(syn::token::Paren) {
        return Err(Error::new_spanned(
            &path,
            "`upcast` takes the name of a function, without a call",
        ));
    }
    Ok(path)
}

/// The name of the payload struct.
pub(crate) fn name(input: ParseStream<'_>) -> Result<Ident> {
    if input.peek(LitStr) {
        let text: LitStr = input.parse()?;
        let message = format!("a name has no quotes: write `payload = {}`", text.value());
        return Err(Error::new(text.span(), message));
    }
    input
        .parse()
        .map_err(|error| Error::new(error.span(), "expected a name, such as `SendMailPayload`"))
}

/// Parses any literal. `expected` describes the right one for the message.
pub(crate) fn literal(input: ParseStream<'_>, expected: &str) -> Result<Lit> {
    let rest = input.cursor().token_stream();
    input
        .parse()
        .map_err(|_| Error::new_spanned(first(rest), format!("expected {expected}")))
}

/// Returns the first token: an error points at it, not at everything after it.
fn first(tokens: TokenStream) -> TokenStream {
    tokens.into_iter().take(1).collect()
}

/// Returns the word that follows, if it has no quotes: `none`, `high`.
pub(crate) fn bare_word(input: ParseStream<'_>) -> Option<String> {
    match input.cursor().token_stream().into_iter().next() {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

/// Parses a text.
pub(crate) fn string(input: ParseStream<'_>) -> Result<LitStr> {
    if bare_word(input).is_some() {
        let words = input.cursor().token_stream().into_iter();
        let words: String = words.map(|word| word.to_string()).collect();
        let message = format!("expected a text in quotes: write `\"{words}\"`");
        return Err(input.error(message));
    }
    match literal(input, "a text in quotes")? {
        Lit::Str(text) => Ok(text),
        other => Err(Error::new(other.span(), "expected a text in quotes")),
    }
}

fn list<T>(input: ParseStream<'_>, item: fn(ParseStream<'_>) -> Result<T>) -> Result<Vec<T>> {
    if !input.peek(syn::token::Bracket) {
        if let Ok(text) = input.fork().parse::<LitStr>() {
            let message = format!("expected a list: write `[\"{}\"]`", text.value());
            return Err(Error::new(text.span(), message));
        }
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
