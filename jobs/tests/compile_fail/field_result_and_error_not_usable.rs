// An unusable field, result and error are each reported once.

use jobs::job;

struct Address;
struct Receipt;
struct Refused;

#[job(id = "mail.send")]
async fn send_mail(to: Address) -> Result<Receipt, Refused> {
    drop(to);
    Ok(Receipt)
}

fn main() {}

// Errors: 3.
