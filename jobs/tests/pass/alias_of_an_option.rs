//! A former name of an optional field.

use jobs::{JobError, job};

#[job(id = "pass.alias-of-an-option")]
async fn note(#[serde(alias = "remark")] text: Option<String>) -> Result<(), JobError> {
    drop(text);
    Ok(())
}

pub(crate) fn main() {
    let old: Note = serde_json::from_str(r#"{"remark": "x"}"#).unwrap();
    assert_eq!(old.text.as_deref(), Some("x"));
}
