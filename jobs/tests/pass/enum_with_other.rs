//! A variant for every unknown name.

use jobs::{Catalogue, JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[derive(Debug, PartialEq)]
enum Speed {
    Fast,
    #[serde(other)]
    Unknown,
}

#[job(id = "pass.enum-with-other")]
async fn deliver(speed: Speed) -> Result<(), JobError> {
    let _ = speed;
    Ok(())
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.enum-with-other")
        .unwrap()
        .clone();
    let written = job.reader().rewrite(r#"{"speed":"slow"}"#);
    assert_eq!(written.as_deref(), Some(r#"{"speed":"unknown"}"#));
}
