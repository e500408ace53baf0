//! A job with a side effect outside of a database, done once: messages in a maildir.
//!
//! ```text
//! cargo run -- exec notification.workflow.transition --item-id part-7 --from draft --to released \
//!     --recipients alice@example.org
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::directory;

/// The result: the messages of a notification.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notified {
    /// The names of the files in the maildir.
    pub messages: Vec<String>,
}

/// Email on state change.
///
/// Writes a message for each recipient into the maildir. A repeated attempt writes the same names,
/// so a recipient has one message.
#[job(
    id = "notification.workflow.transition",
    routing_key = "jobs.notification.workflow",
    timeout = "5m",
    retries = [30, 60, 120],
    max_attempts = 3,
    rename_all = "camelCase",
    tags = ["sample", "product"]
)]
pub fn notify_transition(
    ctx: &JobContext,
    /// The item whose state has changed.
    item_id: String,
    /// The state before.
    from: String,
    /// The state after.
    to: String,
    /// The addresses.
    recipients: Vec<String>,
) -> Result<Notified, JobError> {
    let maildir = directory("MAILDIR", "mail");
    for part in ["tmp", "new", "cur"] {
        fs::create_dir_all(maildir.join(part))?;
    }
    let mut messages = Vec::with_capacity(recipients.len());
    for (n, recipient) in recipients.iter().enumerate() {
        if !recipient.contains('@') || recipient.chars().any(char::is_control) {
            return Err(JobError::permanent(format!("`{recipient}` is no address")));
        }
        let name = format!("{}.{n}.jobs", ctx.execution_id());
        let subject = one_line(&format!("{item_id}: {from} -> {to}"));
        let text = format!(
            "From: jobs@localhost\r\nTo: {recipient}\r\nSubject: {subject}\r\n\
             Message-ID: <{name}@localhost>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             The state of {item_id} has changed from {from} to {to}.\r\n"
        );
        if !is_delivered(&maildir, &name)? {
            deliver(&maildir, &name, &text)?;
            tracing::info!(recipient, "a message is delivered");
        }
        messages.push(name);
        ctx.progress_of(n as u64 + 1, recipients.len() as u64, "messages");
    }
    Ok(Notified { messages })
}

/// Returns whether a message is in the maildir, also if its reader has moved it.
fn is_delivered(maildir: &Path, name: &str) -> io::Result<bool> {
    if maildir.join("new").join(name).exists() {
        return Ok(true);
    }
    for entry in fs::read_dir(maildir.join("cur"))? {
        // A reader appends `:2,` and flags.
        if entry?.file_name().to_string_lossy().starts_with(name) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Writes a message into `tmp` and moves it into `new`, so that a reader sees all of it.
fn deliver(maildir: &Path, name: &str, text: &str) -> io::Result<()> {
    let draft = maildir.join("tmp").join(name);
    let mut file = fs::File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, maildir.join("new").join(name))
}

/// Replaces line breaks: a header has one line.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}
