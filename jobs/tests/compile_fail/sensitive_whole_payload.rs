// A whole payload names its sensitive fields.

use jobs::{JobError, job};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
struct Login {
    password: String,
}

#[job(id = "sign-in")]
async fn sign_in(#[payload] #[sensitive] login: Login) -> Result<(), JobError> {
    drop(login.password);
    Ok(())
}

fn main() {}
