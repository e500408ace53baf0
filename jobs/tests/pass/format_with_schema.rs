//! A format of its own, with the schema of what it writes.

use jobs::{JobError, job};

mod hex {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(number: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{number:x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        let text = String::deserialize(from)?;
        u32::from_str_radix(&text, 16).map_err(serde::de::Error::custom)
    }
}

#[job(id = "pass.format-with-schema")]
async fn paint(
    #[serde(with = "hex")]
    #[schemars(with = "String")]
    colour: u32,
) -> Result<(), JobError> {
    let _ = colour;
    Ok(())
}

pub(crate) fn main() {
    assert_eq!(
        serde_json::to_string(&Paint::new(255_u32)).unwrap(),
        r#"{"colour":"ff"}"#
    );
}
