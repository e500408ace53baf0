//! The bundled runtime with the jobs of the tests.

use tests as _;

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
