//! Empty. The key `links` in `Cargo.toml` needs a build script.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
