//! The compiler's messages about mistakes: one rule per file of `compile_fail/`.
//!
//! The expected messages are those of the pinned toolchain. `TRYBUILD=overwrite cargo test -p jobs
//! --test ui` rewrites them; read the difference before you commit it.

#[test]
fn mistakes_are_reported() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
