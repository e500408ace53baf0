// A format of its own has a schema of its own.

use jobs::{JobError, job};

mod celsius {
    pub fn serialize<S: serde::Serializer>(it: &f64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(*it)
    }

    pub fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        serde::Deserialize::deserialize(from)
    }
}

#[job(id = "mail.send")]
async fn send_mail(#[serde(with = "celsius")] degrees: f64) -> Result<(), JobError> {
    let _ = degrees;
    Ok(())
}

fn main() {}
