//! One name in both directions.

use jobs::{JobError, job};

#[job(id = "pass.rename-in-both-directions")]
async fn note(
    #[serde(rename(serialize = "a-b", deserialize = "a-b"))] text: String,
) -> Result<(), JobError> {
    drop(text);
    Ok(())
}

pub(crate) fn main() {
    let json = serde_json::to_string(&Note::new("x")).unwrap();
    assert_eq!(json, r#"{"a-b":"x"}"#);
}
