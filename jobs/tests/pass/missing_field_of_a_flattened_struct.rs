//! A missing field is named at its place.

use jobs::{Catalogue, JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Place {
    street: String,
}

#[job(id = "pass.missing-field-of-a-flattened-struct")]
async fn ship(order: u64, #[serde(flatten)] to: Place) -> Result<u64, JobError> {
    drop(to.street);
    Ok(order)
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.missing-field-of-a-flattened-struct")
        .unwrap()
        .clone();
    let refusal = job.reader().read(r#"{"order":1}"#).unwrap_err();
    assert_eq!(
        (&*refusal.pointer, &*refusal.message),
        ("/street", "is required")
    );
}
