//! `fields`: the fields of each execution that a list shows.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::value::RawValue;

use crate::service::similar_names;
use crate::store::ExecutionRecord;

/// The fields that an execution can have in JSON, in alphabetical order.
static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let schema = ExecutionRecord::json_schema(&mut SchemaGenerator::default());
    let properties = schema.get("properties").and_then(|it| it.as_object());
    let mut names: Vec<_> = properties
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect();
    names.sort_unstable();
    names
});

/// A choice of fields, written as their names with commas between them.
#[derive(Debug)]
pub(in crate::http) struct Fields(Vec<String>);

impl Fields {
    pub(in crate::http) fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|field| field == name)
    }

    /// Returns the chosen fields that the execution has, as they are written in its JSON.
    pub(in crate::http) fn of(
        &self,
        execution: &ExecutionRecord,
    ) -> serde_json::Result<BTreeMap<String, Box<RawValue>>> {
        let json = serde_json::to_string(execution)?;
        let mut fields: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&json)?;
        fields.retain(|name, _| self.contains(name));
        Ok(fields)
    }
}

impl FromStr for Fields {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<_> = text.split(',').map(str::to_owned).collect();
        match names.iter().find(|name| !KNOWN.contains(name)) {
            None => Ok(Self(names)),
            Some(unknown) => {
                let mut hint = similar_names(unknown, KNOWN.iter().map(String::as_str));
                if hint.is_empty() {
                    hint.clone_from(&KNOWN);
                }
                let hint = hint.join("`, `");
                Err(format!("has no field `{unknown}`; use `{hint}`"))
            }
        }
    }
}

impl JsonSchema for Fields {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fields".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = KNOWN.join("|");
        json_schema!({"type": "string", "pattern": format!("^({names})(,({names}))*$")})
    }
}
