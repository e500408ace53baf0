//! The arguments of `dead-letters` and `broker`, which concern dispatch through RabbitMQ.

use clap::Subcommand;

/// The actions of `dead-letters`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum DeadLetterCommand {
    /// List dead letters with the reason of each; they stay where they are
    List {
        /// Maximum number of dead letters
        #[arg(long, default_value_t = 100)]
        limit: usize,
    },
    /// Publish dead letters again under their old routing keys
    Requeue {
        /// Maximum number of dead letters
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
    /// Delete dead letters; their executions stay in the store
    Drop {
        /// Maximum number of dead letters
        #[arg(long, default_value_t = 1_000)]
        limit: usize,
    },
}

/// The actions of `broker`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub(in crate::cli) enum BrokerCommand {
    /// Write an entry for each execution that becomes ready; on PostgreSQL, run it as the owner
    On,
    /// Write no more entries, after the last process with a broker has stopped
    Off,
}
