//! A map of all other members.

use jobs::{Catalogue, JobError, job};

use std::collections::BTreeMap;

#[job(id = "pass.flattened-map", max_concurrent = (1, per = "name"))]
async fn note(
    name: String,
    #[serde(flatten)] rest: BTreeMap<String, serde_json::Value>,
) -> Result<(), JobError> {
    let _ = (name, rest);
    Ok(())
}

pub(crate) fn main() {
    let note: Note = serde_json::from_str(r#"{"name":"x","more":[1]}"#).unwrap();
    assert_eq!(note.rest.len(), 1);
    assert!(Catalogue::linked().is_ok());
}
