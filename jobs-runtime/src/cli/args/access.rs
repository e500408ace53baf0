//! The arguments of `token` and `audit`: the rights of callers, and their acts.

use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand};

/// The actions of `token`.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum TokenCommand {
    /// Create a token and print it; it cannot be shown again
    Create {
        /// Role of its bearer: viewer, operator, admin or worker
        #[arg(long)]
        role: crate::store::Role,
        /// Name that lists and the audit log show [default: the token's id]
        #[arg(long)]
        name: Option<String>,
        /// Time after which it is refused, as in 90d [default: never]
        #[arg(long, value_name = "DURATION", value_parser = jobs_grammar::duration::parse)]
        expires: Option<Duration>,
    },
    /// List the tokens
    List,
    /// Revoke a token: it is refused within five seconds, as are the browsers that use it
    Revoke {
        /// Id of the token, as `token list` prints it
        id: String,
    },
}

/// The filters of `audit`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct AuditArgs {
    /// Maximum number of acts to list
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(in crate::cli) limit: u16,
    /// List only acts of this token or user
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) actor: Option<String>,
    /// List only acts of this kind, such as execution.cancel
    #[arg(long)]
    pub(in crate::cli) action: Option<String>,
    /// List only acts on this execution, schedule or queue
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: Option<String>,
    /// List only acts at this time or later
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) since: Option<crate::time::Timestamp>,
    /// List only acts before this time
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) until: Option<crate::time::Timestamp>,
    /// Continue after this page, as its last line says
    #[arg(long)]
    pub(in crate::cli) cursor: Option<crate::store::Cursor>,
}
