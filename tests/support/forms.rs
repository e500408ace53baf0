//! A job whose payload has every shape that a form shows.

use std::collections::BTreeMap;

use jobs::{JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The form of the document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A page to print.
    Pdf,
    /// A page to browse.
    Html,
}

/// A recipient of the document.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Recipient {
    /// The full name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The address.
    #[schemars(email)]
    pub email: String,
}

/// The way of the document to its recipients.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Delivery {
    /// By electronic mail.
    Mail {
        /// The subject of the message.
        subject: Option<String>,
    },
    /// On paper.
    Postal {
        /// The number of copies.
        #[schemars(range(min = 1, max = 100))]
        copies: u8,
    },
}

/// Prints a document and sends it to its recipients.
///
/// The payload has nested objects, an array, an enumeration, a union, a map and defaults.
#[job(id = "test.form", retries = 0)]
#[allow(clippy::too_many_arguments, reason = "a field of each kind")]
pub async fn form(
    /// The title of the document.
    title: String,
    pages: u64,
    recipients: Vec<Recipient>,
    format: Format,
    delivery: Delivery,
    /// Words to file the document under.
    #[default(BTreeMap::new())]
    labels: BTreeMap<String, String>,
    #[default(true)] draft: bool,
    note: Option<String>,
) -> Result<usize, JobError> {
    let _ = (title, pages, format, delivery, labels, draft, note);
    Ok(recipients.len())
}
