// A type less visible than its field is reported at the argument.
#![deny(private_interfaces)]

mod jobs_of_mail {
    use jobs::{JobError, job};

    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Address(String);

    #[allow(private_interfaces)]
    #[job(id = "mail.send")]
    pub async fn send_mail(to: Address) -> Result<(), JobError> {
        drop(to);
        Ok(())
    }
}

fn main() {}
