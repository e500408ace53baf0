// Any error that is an error will do, and no other.

use jobs::job;

struct Refused;

#[job(id = "mail.send")]
async fn send_mail(to: String) -> Result<(), Refused> {
    drop(to);
    Err(Refused)
}

fn main() {}
