//! The bundled runtime without any job.

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
