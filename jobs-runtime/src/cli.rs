//! The command line program: commands over the jobs that a binary links.
//!
//! [`args`] is the grammar. [`settings`] merges the file, the variables and the flags, and
//! [`payload_flags`] parses the flags of one job. [`commands`] has a module per command. Only
//! [`output`] prints; [`printable`] escapes what users wrote, and [`error_stream`] writes standard
//! error without making work wait. [`failure`] defines the exit codes 0 (ok), 1 (failed) and 2
//! (usage).
//!
//! [`source`] is what most commands speak to: a store, or a server through [`remote`].
//!
//! The folder may import the runtime, `service`, `store`, `threads` and `bench`. Its commands also
//! import what they show or execute: `broker`, `operations`, `schema_gate`, `client_code`, and of
//! `http` the settings and the OpenAPI document; [`remote`] imports the table of routes. The folder
//! must never import the engine except its settings. Only the crate root imports this folder.

mod args;
mod bulk_filter;
mod commands;
mod error_stream;
mod failure;
mod logging;
mod output;
mod panics;
mod payload_flags;
mod printable;
mod progress;
mod remote;
mod settings;
mod signals;
mod source;
mod table;

use std::io::{self, Write};
use std::process::ExitCode;
use std::thread::available_parallelism;

use clap::Parser;

use crate::{RuntimeBuilder, threads};
use args::{Args, Command};
use failure::Failure;
use output::Output;
use settings::{LogFormat, Settings};

/// The threads of a worker beside those of tokio's runtime: dispatcher, scheduler, the writer and
/// the readers of SQLite, logs, and a few for blocking calls.
const OTHER_THREADS: usize = 12;

const NO_THREADS: &str = "cannot start the threads of the program";

/// Runs the program with the jobs that are linked into the binary. A `main` needs nothing else:
///
/// ```no_run
/// fn main() -> std::process::ExitCode {
///     jobs_runtime::main()
/// }
/// ```
///
/// It sets a panic hook, which writes to the program's log. A hook of the application is set in the
/// closure of [`main_with`], and calls the hook that it replaces.
pub fn main() -> ExitCode {
    main_with(|builder| builder)
}

/// Like [`main`], and adds resources or settings to the runtimes of the commands `run`, `work`,
/// `serve`, `exec`, `prune` and `doctor`. The other commands only use the settings of the program.
///
/// ```no_run
/// # struct Mailer;
/// fn main() -> std::process::ExitCode {
///     jobs_runtime::main_with(|builder| builder.resource(Mailer))
/// }
/// ```
pub fn main_with(configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder) -> ExitCode {
    let output = match Output::start() {
        Ok(output) => output,
        Err(error) => {
            // Without its thread, a write may wait for the reader. An error of it cannot be told.
            let error = threads::explained(&error);
            let _ = writeln!(io::stderr(), "error: {NO_THREADS}: {error}");
            return ExitCode::from(failure::FAILED);
        }
    };
    let _flush = FlushOnExit(output);
    panics::install(output);
    match parse_and_run(output, configure) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}

/// Writes what is left for standard error, also after a panic.
struct FlushOnExit(Output);

impl Drop for FlushOnExit {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Parses the arguments and runs the command.
fn parse_and_run(
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    let words = args::rewrite_help(std::env::args_os().collect());
    let words = args::separate_payload_flags(words);
    match Args::try_parse_from(&words) {
        Ok(args) => {
            let output = output.with_json(args.globals.json);
            run(args, output, configure)
        }
        Err(message) => {
            // The parser quotes the words. It says the same about printable ones.
            let words = words.iter().map(|word| printable::argument(word));
            let message = Args::try_parse_from(words).err().unwrap_or(message);
            output.parser_message(&message)?;
            // Help is a message of the parser, too.
            if message.use_stderr() {
                Err(Failure::UsageReported)
            } else {
                Ok(())
            }
        }
    }
}

fn run(
    args: Args,
    output: Output,
    configure: impl FnOnce(RuntimeBuilder) -> RuntimeBuilder,
) -> Result<(), Failure> {
    let command = args.command.unwrap_or(Command::Run);
    let mut settings = Settings::load(&args.globals)?;
    if settings.log_format == LogFormat::Json {
        output.errors().write_json();
    }
    for note in &settings.notes {
        output.note(note);
    }
    let no_threads = |error| Failure::failed(format!("{NO_THREADS}: {error}"));
    threads::check(available_parallelism().map_or(1, usize::from) + OTHER_THREADS)
        .map_err(no_threads)?;
    #[cfg(feature = "otlp")]
    if command.has_telemetry() {
        settings.telemetry =
            crate::telemetry().map_err(|error| Failure::usage(error.to_string()))?;
    }
    #[cfg(feature = "otlp")]
    let telemetry = settings.telemetry.clone();
    logging::start(&command, output, &settings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(no_threads)?;
    let result = runtime.block_on(commands::run(command, settings, output, configure));
    // A blocking handler that does not return must not keep the process alive.
    runtime.shutdown_background();
    #[cfg(feature = "otlp")]
    telemetry.shutdown();
    result
}
