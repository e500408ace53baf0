//! The check of results that external workers report: JSON and schema.

use jobs::Violation;
use jsonschema::Validator;
use serde_json::Value;

use super::expected::FITS_NO_SHAPE;
use super::json;
use super::schema;
use super::violation::violations;

/// The compiled result schema of one job.
pub(crate) struct ResultCheck {
    validator: Validator,
}

impl ResultCheck {
    /// Compiles a result schema.
    ///
    /// # Errors
    /// The mistake in the schema.
    pub(crate) fn new(schema: &Value) -> Result<Self, String> {
        Ok(Self {
            validator: schema::compile(schema)?,
        })
    }

    /// Checks a result: JSON text.
    ///
    /// # Errors
    /// Every violation, in the order of the pointers.
    pub(crate) fn check(&self, text: &str) -> Result<(), Vec<Violation>> {
        let at_root = |message: String| {
            vec![Violation {
                pointer: String::new(),
                message,
            }]
        };
        let parsed = json::parse(text).map_err(|error| at_root(error.to_string()))?;
        let repeated = parsed.duplicates.into_iter().map(|pointer| Violation {
            pointer,
            message: "is given more than once".to_owned(),
        });
        let mut found: Vec<_> = repeated.collect();
        if self.validator.is_valid(&parsed.value) {
            return if found.is_empty() { Ok(()) } else { Err(found) };
        }
        found.extend(violations(self.validator.iter_errors(&parsed.value)));
        if found.is_empty() {
            found = at_root(FITS_NO_SHAPE.to_owned());
        }
        found.sort_by(|one, other| one.pointer.cmp(&other.pointer));
        Err(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn results_of_every_kind_are_checked_against_their_schema() {
        let number = ResultCheck::new(&json!({"type": "integer"})).expect("a schema");
        assert!(number.check("7").is_ok());
        assert_eq!(number.check("\"x\"").expect_err("a text")[0].pointer, "");
        let object =
            json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
        let object = ResultCheck::new(&object).expect("a schema");
        assert!(object.check(r#"{"n":1}"#).is_ok());
        let found = object.check(r#"{"n":"x"}"#).expect_err("a text");
        assert_eq!(found[0].pointer, "/n");
        assert!(object.check("{").is_err());
        assert!(object.check(r#"{"n":1,"n":1}"#).is_err(), "a repeated key");
    }
}
