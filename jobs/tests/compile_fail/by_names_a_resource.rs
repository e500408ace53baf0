// `by` names by-value arguments.

use jobs::{JobError, job};

struct Db;

#[job(id = "mail.send", unique = (by = ["db", "workspace_id"]))]
async fn send_mail(db: &Db, workspace_id: String) -> Result<(), JobError> {
    let _ = (db, workspace_id);
    Ok(())
}

fn main() {}
