//! The runtime with the example jobs linked: workers, HTTP interface and all commands.
//!
//! ```text
//! cargo run
//! ```

// The linker drops a crate that no code references, and its jobs with it.
use examples as _;

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
