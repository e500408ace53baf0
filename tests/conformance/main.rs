//! The conformance suite on every store of this repository. Prints the table of verdicts.
//!
//! `cargo test -p tests --test conformance -- FILTER…` checks only the requirements whose names
//! contain one of the filters. The run fails if a check fails, or if `docs/conformance.md` differs
//! from the requirements. `UPDATE_GOLDENS=1` writes that file.

#![expect(clippy::print_stdout, reason = "the program prints a table")]

mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jobs_runtime::conformance::{Column, check, document};

fn main() -> ExitCode {
    // Options are meant for the standard test harness.
    let filters: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let columns = [
        Column::of(sqlite::File),
        Column::of(sqlite::Memory),
        Column::of(postgres::Server {
            name: "postgres",
            is_pooled: false,
        }),
        Column::of(postgres::Server {
            name: "postgres, pooled",
            is_pooled: true,
        }),
    ];
    let report = check(&columns, &filters);
    println!("{report}");
    let documented = is_documented();
    if !documented {
        println!(
            "docs/conformance.md differs from the requirements: set UPDATE_GOLDENS=1 to write it"
        );
    }
    if report.failures() == 0 && documented {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Returns the directory of recorded sequences. All backends share it.
pub(crate) fn regressions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs-runtime/conformance-regressions")
}

/// Returns `true` if `docs/conformance.md` has the present requirements. Writes it if
/// `UPDATE_GOLDENS` is set.
fn is_documented() -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        return std::fs::write(path, document()).is_ok();
    }
    std::fs::read_to_string(path).is_ok_and(|text| text == document())
}
