// Each field type without the traits is reported in one sentence, at its field.

use jobs::{Client, JobError, job};

struct Address;
struct Note;

#[job(id = "mail.send", rename_all = "camelCase")]
async fn send_mail(
    to: Address,
    copy_to: Option<Address>,
    more: Vec<Address>,
    #[schemars(length(max = 80))] subject: String,
    #[default(Note)] note: Note,
) -> Result<(), JobError> {
    drop((to, copy_to, more, subject, note));
    Ok(())
}

fn letter() -> SendMail {
    SendMail::new(Address, vec![], "Hello").copy_to(None).note(Note)
}

async fn enqueue(jobs: Client) {
    drop(jobs.enqueue(letter()).await);
}

fn main() {}

// Errors: 6.
