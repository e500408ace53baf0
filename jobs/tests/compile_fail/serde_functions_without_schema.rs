// A writer beside a reader is a format of its own, without a schema.

use jobs::{JobError, job};

struct Celsius(f64);

fn write<S: serde::Serializer>(it: &Celsius, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(it.0)
}

fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Celsius, D::Error> {
    serde::Deserialize::deserialize(from).map(Celsius)
}

#[job(id = "heat")]
async fn heat(
    #[serde(serialize_with = "write", deserialize_with = "read")] degrees: Celsius,
) -> Result<(), JobError> {
    let _ = degrees;
    Ok(())
}

fn main() {}
