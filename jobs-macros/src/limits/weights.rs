//! Shares of a limit that is divided: `["gold:4", "free:1"]`.

use std::collections::BTreeSet;

use syn::{Error, LitStr, Result};

use crate::errors::Errors;
use crate::given::Given;
use crate::values;

/// `weights = ["gold:4"]`
pub(super) fn read(option: &Given, errors: &mut Errors) -> Vec<(String, u32)> {
    let example = "weights = [\"gold:4\"]";
    let Some(words) = errors.ok(option.clone().like(example).value(values::tags)) else {
        return Vec::new();
    };
    if words.is_empty() {
        errors.at(
            option.span(),
            "nothing has a weight: name a value, such as `\"gold:4\"`, or leave `weights` out",
        );
    }
    let mut seen = BTreeSet::new();
    let weights = words.iter().map(|word| {
        let (value, weight) = one(word)?;
        match seen.insert(value.clone()) {
            true => Ok((value, weight)),
            false => Err(Error::new(
                word.span(),
                format!("`{value}` has a weight already"),
            )),
        }
    });
    weights.filter_map(|weight| errors.ok(weight)).collect()
}

fn one(word: &LitStr) -> Result<(String, u32)> {
    let text = word.value();
    let wrong = |hint: &str| Error::new(word.span(), format!("`{text}` is not a weight: {hint}"));
    // The value may have colons itself.
    let (value, weight) = text.rsplit_once(':').ok_or_else(|| {
        wrong("write a value and how many times as much it gets, such as `\"gold:4\"`")
    })?;
    match weight.trim().parse() {
        Ok(0) => Err(wrong(
            "it is at least 1; what has none gets as much as `max_concurrent` says",
        )),
        Ok(weight) => Ok((value.trim().to_owned(), weight)),
        Err(_) => Err(wrong("it ends with a whole number, such as `\"gold:4\"`")),
    }
}
