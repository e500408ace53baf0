//! A lint that the function allows is allowed in the generated items too.

use jobs::{JobError, job};

#[allow(deprecated)]
mod old {
    #[deprecated]
    #[derive(Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    pub(super) struct Address;
}

#[allow(non_snake_case)]
#[job(id = "pass.allowed-name")]
async fn greet(userId: String) -> Result<String, JobError> {
    Ok(userId)
}

#[expect(deprecated, reason = "the type has no successor yet")]
#[job(id = "pass.expected-type")]
async fn move_to(address: old::Address) -> Result<(), JobError> {
    let _ = address;
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(Greet::new("ada").userId, "ada");
    #[allow(deprecated)]
    let moved = MoveTo::new(old::Address);
    assert_eq!(serde_json::to_string(&moved).unwrap(), r#"{"address":null}"#);
}
