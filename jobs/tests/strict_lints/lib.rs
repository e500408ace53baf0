//! A library under the strictest lints. The expansions of `#[job]` and `#[resource]` trigger none.

#![forbid(missing_docs, unsafe_code)]
#![deny(
    unused,
    unreachable_pub,
    unused_qualifications,
    non_local_definitions,
    rust_2018_idioms,
    single_use_lifetimes,
    clippy::all,
    clippy::pedantic
)]

use std::future::ready;

use jobs::{JobContext, JobError, job, resource};

/// Jobs in a public module.
pub mod public {
    use super::{JobContext, JobError, Settings, job, ready};

    /// Sends a letter.
    ///
    /// # Errors
    /// Never.
    #[job(
        id = "strict.letter",
        timeout = "1m",
        retries = 5,
        rename_all = "camelCase"
    )]
    pub async fn send_letter(
        ctx: &JobContext,
        settings: &Settings,
        to_whom: String,
        /// The number of copies.
        #[default(1)]
        copies: u32,
        #[default("plain")] paper: String,
        #[default(None)] note: Option<String>,
    ) -> Result<(), JobError> {
        ctx.check()?;
        ready(()).await;
        let _ = (settings.verbose, to_whom, copies, paper, note);
        Ok(())
    }

    /// How a letter is printed.
    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    pub struct Printing {
        /// On both sides.
        pub duplex: bool,
    }

    /// A result under another name.
    pub type Printed = Result<Printing, JobError>;

    /// Prints a letter.
    ///
    /// # Errors
    /// Never.
    #[job(id = "strict.print", rename_all = "camelCase", deny_unknown)]
    pub async fn print_letter(
        /// The papers to print on.
        #[schemars(length(max = 8))]
        paper: Vec<Printing>,
        #[default(Printing { duplex: true })] printing: Printing,
    ) -> Printed {
        ready(()).await;
        drop(paper);
        Ok(printing)
    }

    /// Prints with these options.
    ///
    /// # Errors
    /// Never.
    #[job(id = "strict.print-whole")]
    pub async fn print_whole(#[payload] printing: Printing) -> Printed {
        ready(()).await;
        Ok(printing)
    }

    /// Checks the health of the service.
    ///
    /// # Errors
    /// Never.
    #[job(id = "strict.health")]
    pub fn health_check() -> Result<bool, JobError> {
        Ok(true)
    }

    /// Is executed by other programs.
    #[job(id = "strict.elsewhere")]
    pub async fn elsewhere(name: String, scale: f64) -> Result<String, JobError>;
}

mod private {
    use super::{JobError, job, ready};

    // Not documented, not exported, and never enqueued.
    #[job(id = "strict.private")]
    async fn private(
        one: bool,
        two: bool,
        three: bool,
        #[default(5)] five: u64,
        #[default(6)] six: u64,
        #[default(7)] seven: u64,
    ) -> Result<u64, JobError> {
        ready(()).await;
        Ok(u64::from(one && two && three) + five + six + seven)
    }

    #[job(id = "strict.private-external")]
    fn external(name: String) -> Result<String, JobError>;

    #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
    struct Order {
        item: String,
    }

    #[deprecated]
    #[job(id = "strict.order", timeout = "none")]
    fn process(#[payload] order: Order) -> Result<String, JobError> {
        if order.item.is_empty() {
            return Err(JobError::permanent("nothing was ordered"));
        }
        Ok(order.item)
    }

    #[job(id = "strict.crate")]
    pub(crate) async fn for_the_crate(name: String) -> Result<String, JobError> {
        ready(()).await;
        Ok(name)
    }
}

/// Settings of the library, as a resource.
pub struct Settings {
    verbose: bool,
}

#[resource]
fn settings() -> Settings {
    Settings { verbose: true }
}
