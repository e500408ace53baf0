//! Keys of maps that are no texts.

use jobs::{Catalogue, JobError, job};

use std::collections::BTreeMap;

#[job(id = "pass.maps-with-keys-of-other-types")]
async fn count(
    by_number: BTreeMap<u16, u8>,
    by_letter: BTreeMap<char, u8>,
    by_flag: BTreeMap<bool, u8>,
) -> Result<(), JobError> {
    let _ = (by_number, by_letter, by_flag);
    Ok(())
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.maps-with-keys-of-other-types")
        .unwrap()
        .clone();
    let read = |text: &str| job.reader().read(text);
    assert!(read(r#"{"by_number":{"1":1},"by_letter":{"x":1},"by_flag":{"true":1}}"#).is_ok());
    let refusal = read(r#"{"by_number":{"70000":1},"by_letter":{},"by_flag":{}}"#).unwrap_err();
    assert_eq!(refusal.pointer, "/by_number/70000");
}
