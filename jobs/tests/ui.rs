//! The compiler's messages about mistakes: one rule per file of `compile_fail/`. The files
//! of `pass/` show what it accepts.
//!
//! The expected messages are those of the pinned toolchain. `TRYBUILD=overwrite cargo test -p jobs
//! --test ui` rewrites them; read the difference before you commit it.

use std::fs;
use std::path::Path;

#[test]
fn mistakes_are_reported() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}

/// Runs in a build of this package alone: the runtime enables a driver.
#[cfg(not(any(feature = "sqlx-postgres", feature = "sqlx-sqlite")))]
#[test]
fn a_missing_feature_is_named() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail_without_features/*.rs");
}

/// A file whose mistakes make another number of errors than one says so: `// Errors: 3.`
#[test]
fn one_mistake_is_one_error() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail");
    let read = |path: &Path| {
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).expect("compile_fail/") {
        let source = entry.expect("an entry").path();
        if source.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let expected = read(&source)
            .lines()
            .find_map(|line| {
                line.strip_prefix("// Errors: ")?
                    .strip_suffix('.')?
                    .parse()
                    .ok()
            })
            .unwrap_or(1);
        let reported = read(&source.with_extension("stderr"));
        let errors = reported
            .lines()
            .filter(|line| line.starts_with("error"))
            .count();
        if errors != expected {
            let name = source.file_name().unwrap_or_default().display();
            wrong.push(format!("{name}: {errors} errors, expected {expected}"));
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
