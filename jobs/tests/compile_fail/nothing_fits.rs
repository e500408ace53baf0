// A field, the result and its error, each in a sentence of its own.

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
