//! The weights of a limit with `per`: `["gold:4", "free:1"]`.

use std::collections::BTreeSet;

use syn::{Error, LitStr, Result};

use crate::attribute::{Meta, values};
use crate::errors::Errors;

/// Parses `weights = ["gold:4"]`.
pub(super) fn read(option: &Meta, errors: &mut Errors) -> Vec<(String, u32)> {
    let example = "weights = [\"gold:4\"]";
    let Some(words) = errors.ok(option.clone().with_example(example).value(values::texts)) else {
        return Vec::new();
    };
    if words.is_empty() {
        errors.at(
            option.span(),
            "this list is empty: name a value, such as `\"gold:4\"`, or leave `weights` out",
        );
    }
    let mut seen = BTreeSet::new();
    let weights = words.iter().map(|word| {
        let (value, weight) = parse(word)?;
        if seen.insert(value.clone()) {
            Ok((value, weight))
        } else {
            let message = format!("`{value}` has a weight already: keep one");
            Err(Error::new(word.span(), message))
        }
    });
    weights.filter_map(|weight| errors.ok(weight)).collect()
}

fn parse(word: &LitStr) -> Result<(String, u32)> {
    let text = word.value();
    let wrong = |hint: &str| Error::new(word.span(), format!("`{text}` is not a weight: {hint}"));
    // The value may contain colons.
    let (value, weight) = text
        .rsplit_once(':')
        .ok_or_else(|| wrong("write a value and its factor, such as `\"gold:4\"`"))?;
    match weight.trim().parse() {
        Ok(0) => Err(wrong(
            "it is at least 1, which is the weight of other values",
        )),
        Ok(weight) => Ok((value.trim().to_owned(), weight)),
        Err(_) => Err(wrong("the factor is a whole number, such as `\"gold:4\"`")),
    }
}
