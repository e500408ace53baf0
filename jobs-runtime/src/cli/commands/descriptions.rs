//! The commands `openapi`, `client`, `completions` and `man`: descriptions of the program for other
//! programs.

use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::args::{Args, ClientLanguage};
use crate::cli::failure::Failure;
use crate::cli::output::Output;
use crate::cli::printable;
use crate::cli::settings::Settings;
use crate::cli::source::Source;
use crate::client_code;

/// The name of the program in completions and manual pages, if it has none of its own.
const NAME: &str = "jobs";

/// Prints the OpenAPI document: the routes, and a typed trigger for each known job. The output is
/// JSON with and without `--json`.
pub(in crate::cli) async fn openapi(settings: &Settings, output: Output) -> Result<(), Failure> {
    let document = Source::read(settings).await?.openapi().await?;
    output.result(&document, |document| {
        serde_json::to_string_pretty(document).unwrap_or_else(|error| error.to_string())
    })
}

/// Prints a typed client of the known jobs: source code, or a JSON string of it.
pub(in crate::cli) async fn client(
    settings: &Settings,
    output: Output,
    language: ClientLanguage,
) -> Result<(), Failure> {
    let jobs = Source::read(settings).await?.jobs().await?;
    let jobs: Vec<_> = jobs.into_iter().map(|job| job.descriptor).collect();
    let code = match language {
        ClientLanguage::Python => client_code::python(&jobs),
        ClientLanguage::Typescript => client_code::typescript(&jobs),
    };
    output.result(&code, |code| code.clone())
}

/// Prints the completions of a shell.
pub(in crate::cli) fn completions(
    output: Output,
    shell: clap_complete::Shell,
) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), program_name(), &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    output.result(&script, |script| script.clone())
}

/// Writes a manual page for the program and one for each of its commands.
pub(in crate::cli) fn manual(output: Output, directory: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::failed(format!("cannot write to {}: {error}", directory.display()))
    };
    std::fs::create_dir_all(directory).map_err(failed)?;
    let command = Args::command().name(program_name());
    clap_mangen::generate_to(command, directory).map_err(failed)?;
    let directory = directory.display().to_string();
    output.result(&directory, |directory| {
        format!("manual pages written to {}", printable::line(directory))
    })
}

/// The name of the file that runs.
fn program_name() -> String {
    let file = std::env::current_exe().ok();
    let stem = file.as_deref().and_then(Path::file_stem);
    let name = stem.and_then(|stem| stem.to_str());
    name.unwrap_or(NAME).to_owned()
}
