//! A resource that borrows others.

use jobs::{JobError, job};

use jobs::resource;

struct Settings(&'static str);
struct Pool(String);

#[resource]
fn settings() -> Settings {
    Settings("db")
}

#[resource]
async fn pool(settings: &Settings) -> Result<Pool, std::io::Error> {
    Ok(Pool(settings.0.to_owned()))
}

#[job(id = "pass.resource-of-resources")]
async fn query(pool: &Pool) -> Result<String, JobError> {
    Ok(pool.0.clone())
}

pub(crate) fn main() {
    let pool = jobs::runtime::ResourceDefinition::linked();
    let pool = pool
        .iter()
        .find(|one| one.provides().type_name().ends_with("Pool"));
    assert_eq!(pool.unwrap().needed().len(), 1);
}
