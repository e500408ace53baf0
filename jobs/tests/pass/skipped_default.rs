// A field with a default may be skipped.

use jobs::{JobError, job};

#[job(id = "pass.job")]
async fn note(
    #[serde(default, skip_serializing_if = "Vec::is_empty")] tags: Vec<u8>,
) -> Result<(), JobError> {
    drop(tags);
    Ok(())
}

fn main() {
    assert_eq!(serde_json::to_string(&Note::new()).unwrap(), "{}");
}
