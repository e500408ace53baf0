//! The command line program: commands over the jobs that a binary links.
//!
//! [`args`] is the grammar. [`settings`] merges the file, the variables and the flags, and
//! [`payload_flags`] parses the flags of one job. [`commands`] has a module per command. Only
//! [`output`] prints. [`failure`] defines the exit codes 0 (ok), 1 (failed) and 2 (usage).
//!
//! The program uses the runtime, `service`, `store` and `bench`. Only the crate root imports it.

mod args;
mod commands;
mod failure;
mod list_settings;
mod logging;
mod output;
mod payload_flags;
mod progress;
mod settings;
mod signals;
mod table;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::RuntimeBuilder;
use args::{Args, Command};
use failure::Failure;
use output::Output;
use settings::Settings;

/// Runs the program with the jobs that are linked into the binary. A `main` needs nothing else:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     jobs_runtime::main()
/// }
/// ```
pub fn main() -> ExitCode {
    main_with(|builder| builder)
}

/// Like [`main`], and adds resources or settings to each runtime that a command starts.
///
/// ```no_run
/// # struct Mailer;
/// fn main() -> std::process::ExitCode {
///     jobs_runtime::main_with(|builder| builder.resource(Mailer))
/// }
/// ```
pub fn main_with(configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder) -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return print_parse_error(&error),
    };
    let output = Output::new(args.globals.json);
    match run(args, output, configure) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

fn run(
    args: Args,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    let command = args.command.unwrap_or(Command::Run);
    let settings = Settings::load(&args.globals)?;
    logging::start(&command);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Failure::failed(format!("cannot start the threads of the runtime: {error}"))
        })?;
    let result = runtime.block_on(commands::run(command, settings, output, configure));
    // A blocking handler that does not return must not keep the process alive.
    runtime.shutdown_background();
    result
}

/// Prints the parser's message. A request for help or version succeeds; the rest is a usage error.
fn print_parse_error(error: &clap::Error) -> ExitCode {
    // A message that cannot be printed cannot be reported either.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(failure::USAGE),
    }
}
