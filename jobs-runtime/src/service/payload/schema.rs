//! Compiles a schema into a validator.

use std::net::IpAddr;

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::number::{self, NumberFormat};

/// A validator of JSON Schema 2020-12 that asserts formats, those of Rust's numbers included.
///
/// # Errors
/// What is wrong with the schema. References out of it are not followed: schemas are
/// self-contained, and a validator that fetches what a payload's schema names is a hole.
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    let mut schema = schema.clone();
    number::mark(&mut schema);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_format("ip", |text: &str| text.parse::<IpAddr>().is_ok())
        .with_keyword(number::KEYWORD, |_, format, _| {
            // Written by `mark`, hence known.
            match format.as_str().and_then(NumberFormat::named) {
                Some(format) => Ok(Box::new(format)),
                None => Err(jsonschema::ValidationError::schema(
                    "names no type of numbers",
                )),
            }
        })
        .offline()
        .build(&schema)
        .map_err(|error| format!("{}: {error}", error.instance_path()))
}
