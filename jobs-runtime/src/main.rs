//! The runtime without linked jobs: a control plane for workers in other programs.
//!
//! Workers publish their catalogues into the store when they start, so this program can list,
//! validate, enqueue and explain their jobs.

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
