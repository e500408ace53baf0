//! The program: every command over the jobs that a binary has linked.
//!
//! What was typed ([`args`]) becomes what is meant ([`settings`], and per job [`fields`]); the
//! [`commands`] do it; [`output`] is the one place that prints; [`failure`] maps to the exit codes
//! 0 (ok), 1 (failed) and 2 (usage).

mod args;
mod commands;
mod failure;
mod fields;
mod lists;
mod logging;
mod output;
mod settings;
mod signals;
mod table;
mod watch;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::RuntimeBuilder;
use args::{Args, Command};
use failure::Failure;
use output::Output;
use settings::Settings;

/// Runs the program with the jobs linked into it; the whole of `main`:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     jobs_runtime::main()
/// }
/// ```
pub fn main() -> ExitCode {
    main_with(|builder| builder)
}

/// Like [`main`], with something added to every runtime that a command starts: resources, settings.
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
        Err(error) => return explain(&error),
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
        .map_err(|error| Failure::failed(format!("cannot start threads: {error}")))?;
    let done = runtime.block_on(commands::run(command, settings, output, configure));
    // A blocking handler that does not return must not keep the process.
    runtime.shutdown_background();
    done
}

/// Help and version are answers, everything else is a mistake of usage.
fn explain(error: &clap::Error) -> ExitCode {
    // Nobody listens if even this cannot be printed.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(failure::USAGE),
    }
}
