// An `Option` with a reader of its own is required, so it must be written.

use jobs::{JobError, job};

mod maybe {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &Option<u8>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(value.unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u8>, D::Error> {
        u8::deserialize(from).map(Some)
    }
}

#[job(id = "mail.send")]
async fn post(
    #[serde(with = "maybe", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u8")]
    copies: Option<u8>,
) -> Result<(), JobError> {
    let _ = copies;
    Ok(())
}

fn main() {}
