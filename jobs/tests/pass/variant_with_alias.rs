//! A former name of a variant.

use jobs::{Catalogue, JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
enum Speed {
    #[serde(alias = "Quick")]
    Fast,
}

#[job(id = "pass.variant-with-alias")]
async fn deliver(speed: Option<Speed>) -> Result<(), JobError> {
    let _ = speed;
    Ok(())
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.variant-with-alias")
        .unwrap()
        .clone();
    let written = job.reader().rewrite(r#"{"speed":"Quick"}"#);
    assert_eq!(written.as_deref(), Some(r#"{"speed":"Fast"}"#));
}
