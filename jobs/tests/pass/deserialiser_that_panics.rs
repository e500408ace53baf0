//! A deserialiser that panics refuses the payload.

use jobs::{Catalogue, JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(from = "u8")]
struct Odd(u8);

impl From<u8> for Odd {
    fn from(number: u8) -> Self {
        assert!(number % 2 == 1, "{number} is even");
        Self(number)
    }
}

#[job(id = "pass.deserialiser-that-panics")]
async fn note(odd: Odd) -> Result<u8, JobError> {
    Ok(odd.0)
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.deserialiser-that-panics")
        .unwrap()
        .clone();
    let refusal = job.reader().read(r#"{"odd":2}"#).unwrap_err();
    assert_eq!(refusal.message, "makes the deserialiser of the job panic");
    assert!(job.reader().read(r#"{"odd":3}"#).is_ok());
}
