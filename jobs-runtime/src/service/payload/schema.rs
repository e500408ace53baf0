//! Compilation of a payload schema into a validator.

use std::net::IpAddr;

use jsonschema::{Draft, Validator};
use serde_json::Value;

use super::number::{self, NumberFormat};

/// Compiles a JSON Schema 2020-12 with format assertions, including Rust's number formats.
///
/// # Errors
/// The mistake in the schema. External references are an error: a published schema must not make
/// this process fetch a URL (SSRF).
pub(crate) fn compile(schema: &Value) -> Result<Validator, String> {
    let mut schema = schema.clone();
    number::mark(&mut schema);
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_format("ip", |text: &str| text.parse::<IpAddr>().is_ok())
        .with_keyword(number::KEYWORD, |_, format, _| {
            // `mark` adds the keyword only beside known formats.
            match format.as_str().and_then(NumberFormat::named) {
                Some(format) => Ok(Box::new(format)),
                None => Err(jsonschema::ValidationError::schema("names no integer type")),
            }
        })
        .offline()
        .build(&schema)
        .map_err(|error| format!("{}: {error}", error.instance_path()))
}
