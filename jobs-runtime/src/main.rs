//! The runtime with no application's jobs linked: a control plane for workers elsewhere, which
//! publish their catalogue into the store when they start.

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
