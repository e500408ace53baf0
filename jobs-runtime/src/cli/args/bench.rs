//! The arguments of `bench`.

use clap::Args as ClapArgs;

use crate::bench::{LimitKind, Scenario};

/// The arguments of `bench`.
#[derive(Debug, ClapArgs)]
pub(in crate::cli) struct BenchArgs {
    /// Scenario to measure
    #[arg(value_enum)]
    pub(in crate::cli) scenario: Scenario,
    /// Executions per run [default: 100000; latency: 500; enqueue-single and http: 20000; pinned
    /// and bulk: 600000; steady: ten seconds of --rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(10..))]
    pub(in crate::cli) executions: Option<u64>,
    /// Concurrent callers [default: enqueue-single: 8; http: 16; mixed: 4; others: 1]
    #[arg(long, value_name = "K", value_parser = positive)]
    pub(in crate::cli) callers: Option<usize>,
    /// Measured runs, after one warm-up run
    #[arg(long, value_name = "R", default_value = "5", value_parser = positive)]
    pub(in crate::cli) runs: usize,
    /// Executions per enqueue call, in batches
    #[arg(
        long,
        value_name = "N",
        default_value = "1000",
        value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=1_000)
    )]
    pub(in crate::cli) batch: usize,
    /// Finished executions in the store of `retained` and `pruned`
    #[arg(
        long,
        value_name = "M",
        default_value = "1000000",
        value_parser = clap::value_parser!(u64)
    )]
    pub(in crate::cli) retained: u64,
    /// Executions per second of `steady`
    #[arg(
        long,
        value_name = "N",
        default_value = "5000",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(in crate::cli) rate: u64,
    /// Duration of `soak` in seconds
    #[arg(
        long,
        value_name = "S",
        default_value = "600",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(in crate::cli) seconds: u64,
    /// Distinct keys of `keyed`, `blocked` and `limits --limit per-key`
    #[arg(
        long,
        value_name = "N",
        default_value = "10000",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(in crate::cli) keys: u64,
    /// Executions that limits block in `blocked`, and that `bulk` retries
    #[arg(
        long,
        value_name = "N",
        default_value = "100000",
        value_parser = clap::value_parser!(u64)
    )]
    pub(in crate::cli) blocked: u64,
    /// Limit of the job in `limits`
    #[arg(long, value_enum, default_value = "concurrent")]
    pub(in crate::cli) limit: LimitKind,
}

fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("give a whole number, 1 or more".to_owned()),
        Ok(number) => Ok(number),
    }
}
