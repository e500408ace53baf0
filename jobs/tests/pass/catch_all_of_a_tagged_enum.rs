//! A tagged enum with a variant for every other tag.

use jobs::{Catalogue, JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Event {
    Created {
        id: u8,
    },
    #[serde(other)]
    Other,
}

#[job(id = "pass.catch-all-of-a-tagged-enum")]
async fn handle(event: Event) -> Result<u8, JobError> {
    Ok(match event {
        Event::Created { id } => id,
        Event::Other => 0,
    })
}

pub(crate) fn main() {
    let job = Catalogue::linked()
        .unwrap()
        .get("pass.catch-all-of-a-tagged-enum")
        .unwrap()
        .clone();
    let read = |text: &str| job.reader().read(text);
    assert!(read(r#"{"event":{"kind":"moved","to":1}}"#).is_ok());
    let refusal = read(r#"{"event":{"kind":"created","id":256}}"#).unwrap_err();
    assert_eq!(
        (&*refusal.pointer, &*refusal.message),
        ("/event", "must be a whole number from 0 to 255")
    );
}
