// A type without a schema needs one of its own.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize)]
struct Celsius(f64);

fn read<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Celsius, D::Error> {
    serde::Deserialize::deserialize(from).map(Celsius)
}

#[job(id = "heat")]
async fn heat(#[serde(deserialize_with = "read")] degrees: Celsius) -> Result<(), JobError> {
    let _ = degrees;
    Ok(())
}

fn main() {}
