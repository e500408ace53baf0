//! A former name of a field that has a default.

use jobs::{JobError, job};

#[job(id = "pass.alias-with-default", derive(Debug))]
async fn resize(
    #[serde(alias = "old_width")]
    #[default(7)]
    width: u8,
) -> Result<u8, JobError> {
    Ok(width)
}

pub(crate) fn main() {
    let old: Resize = serde_json::from_str(r#"{"old_width": 5}"#).unwrap();
    assert_eq!(old.width, 5);
    assert_eq!(Resize::new().width, 7);
}
