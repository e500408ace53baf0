// The error of a handler converts into `JobError`.

use jobs::job;

struct Refused;

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), Refused> {
    drop(to);
    Err(Refused)
}

fn main() {}
