//! What the compiler says about mistakes: one rule per file of `compile_fail/`.
//!
//! The texts are those of one toolchain, the pinned one. `TRYBUILD=overwrite cargo test -p jobs
//! --test ui` writes them anew; read the difference.

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
