//! The runtime with the example jobs linked: workers, HTTP interface and every command.

// A crate that nothing references is not linked, and its jobs would not be found.
use examples as _;

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
