//! The bundled runtime with nothing linked.

fn main() -> std::process::ExitCode {
    jobs_runtime::main()
}
