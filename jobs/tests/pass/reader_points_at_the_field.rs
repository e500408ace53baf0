//! A refusal of the deserialiser names the field, not the value.

use jobs::{Catalogue, JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(try_from = "u8", into = "u8")]
#[derive(Clone, Copy)]
struct Percent(u8);

impl TryFrom<u8> for Percent {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, String> {
        if value <= 100 {
            Ok(Self(value))
        } else {
            Err(format!("{value} is more than 100 percent"))
        }
    }
}

impl From<Percent> for u8 {
    fn from(percent: Percent) -> u8 {
        percent.0
    }
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Mix {
    parts: Vec<Percent>,
}

#[job(id = "pass.reader-points-at-the-field")]
async fn blend(mix: Mix) -> Result<(), JobError> {
    drop(mix);
    Ok(())
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.reader-points-at-the-field")
        .unwrap()
        .clone();
    let refusal = job
        .reader()
        .read(r#"{"mix":{"parts":[1,101]}}"#)
        .unwrap_err();
    assert_eq!(refusal.pointer, "/mix/parts/1");
    assert_eq!(refusal.message, "is refused: ••• is more than 100 percent");
}
