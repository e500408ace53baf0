// A type less visible than its field is reported at the argument, also for the field. An `allow` of
// the function is for both.
// Errors: 2.
#![deny(private_interfaces)]

mod jobs_of_mail {
    use jobs::{JobError, job};

    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Address(String);

    #[job(id = "mail.send")]
    pub async fn send_mail(to: Address) -> Result<(), JobError> {
        drop(to);
        Ok(())
    }

    #[allow(private_interfaces)]
    #[job(id = "mail.allowed")]
    pub async fn send_allowed(to: Address) -> Result<(), JobError> {
        drop(to);
        Ok(())
    }
}

fn main() {}
