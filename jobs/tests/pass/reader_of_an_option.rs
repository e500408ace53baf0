//! An option with a reader of its own is required.

use jobs::{Catalogue, JobError, job};

fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
    serde::Deserialize::deserialize(from)
}

#[job(id = "pass.reader-of-an-option")]
async fn set(#[serde(deserialize_with = "present")] value: Option<u8>) -> Result<(), JobError> {
    let _ = value;
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(Set::new(None).value, None);
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.reader-of-an-option")
        .unwrap()
        .clone();
    assert_eq!(job.reader().read("{}").unwrap_err().pointer, "/value");
    assert!(job.reader().read(r#"{"value":null}"#).is_ok());
}
