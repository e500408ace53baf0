//! A field with a default may be skipped.

use jobs::{JobError, job};

#[job(id = "pass.skipped-default")]
async fn note(
    #[serde(default, skip_serializing_if = "Vec::is_empty")] tags: Vec<u8>,
) -> Result<(), JobError> {
    drop(tags);
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(serde_json::to_string(&Note::new()).unwrap(), "{}");
}
