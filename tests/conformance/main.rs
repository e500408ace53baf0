//! What every store promises, put to the test on every store that there is: prints the table.
//!
//! `cargo test -p tests --test conformance`, with words behind `--` for only those requirements whose
//! names contain one of them. Fails if a promise is broken, or if `docs/conformance.md` is not
//! what the requirements say (`UPDATE_GOLDENS=1` writes it).

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

mod postgres;
mod sqlite;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jobs_runtime::conformance::{Column, check, document};

fn main() -> ExitCode {
    // Options are for the usual harness.
    let words: Vec<_> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let columns = [
        Column::of(sqlite::File),
        Column::of(sqlite::Memory),
        Column::of(postgres::Server {
            name: "postgres",
            options: "",
        }),
        Column::of(postgres::Server {
            name: "postgres, pooled",
            options: "&pgbouncer=true",
        }),
    ];
    let report = check(&columns, &words);
    println!("{report}");
    let documented = is_documented();
    if !documented {
        println!(
            "docs/conformance.md is not what the requirements say: set UPDATE_GOLDENS=1 to write it"
        );
    }
    match report.failures() == 0 && documented {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Stories that went wrong once are kept for every store.
pub(crate) fn regressions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../jobs-runtime/conformance-regressions")
}

fn is_documented() -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conformance.md");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        return std::fs::write(path, document()).is_ok();
    }
    std::fs::read_to_string(path).is_ok_and(|text| text == document())
}
