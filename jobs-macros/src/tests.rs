//! Golden expansions: `goldens/<feature>.rs` is the expansion of the input of one test.
//!
//! Goldens are read in review: an expansion must read like code written by hand.
//! `UPDATE_GOLDENS=1 cargo test -p jobs-macros` rewrites them. Without the variable, a difference
//! fails the test.
//!
//! A test may import the entry points `job::job` and `resource::resource`. It must not import a
//! stage, so that a stage can change and these tests stay.

mod cost;
mod jobs;
mod mistakes;
mod resources;
mod test_functions;

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser as _;

/// Expands the attribute in `input` and compares the expansion with the golden file.
#[track_caller]
fn golden(feature: &str, input: &str) {
    let expanded = pretty(&expand(input.parse().expect("tokens")));
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("goldens")
        .join(feature)
        .with_extension("rs");
    if std::env::var_os("UPDATE_GOLDENS").is_some_and(|value| value == "1") {
        fs::write(&path, &expanded).expect("goldens/ is writable");
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expanded == golden,
        "the expansion differs from {}; if that is intended, run UPDATE_GOLDENS=1 cargo test -p \
         jobs-macros and read the difference\n\n{expanded}",
        path.display()
    );
}

/// Expands as the compiler does: removes our attribute and calls its macro with the rest.
fn expand(input: TokenStream) -> TokenStream {
    let split = |input: syn::parse::ParseStream<'_>| {
        let attributes = input.call(syn::Attribute::parse_outer)?;
        Ok((attributes, input.parse::<TokenStream>()?))
    };
    let (mut attributes, function) = split.parse2(input).expect("attributes and a function");
    let ours = |attribute: &syn::Attribute| {
        let path = attribute.path();
        ["job", "resource", "test"]
            .iter()
            .any(|name| path.is_ident(name))
    };
    let at = attributes
        .iter()
        .position(ours)
        .expect("one of our attributes");
    let attribute = attributes.remove(at);
    let arguments = match &attribute.meta {
        syn::Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    let item = quote!(#(#attributes)* #function);
    if attribute.path().is_ident("job") {
        crate::job::job(arguments, &item)
    } else if attribute.path().is_ident("test") {
        crate::test_attribute::test(arguments, &item)
    } else {
        crate::resource::resource(arguments, &item)
    }
}

fn empty() -> syn::File {
    syn::parse_quote!()
}

fn pretty(tokens: &TokenStream) -> String {
    let file: syn::Result<syn::File> = syn::parse2(tokens.clone());
    let file = file.unwrap_or_else(|error| panic!("not a file: {error}\n{tokens}"));
    let item = |item| {
        let items = vec![item];
        prettyplease::unparse(&syn::File { items, ..empty() })
    };
    let items: Vec<String> = file.items.into_iter().map(item).collect();
    items.join("\n")
}

#[test]
fn the_guide_shows_the_golden_file() {
    let read = |path: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let guide = read("../docs/what-job-expands-to.md");
    let blocks = guide.split("```rust,ignore\n").skip(1);
    let shown: String = blocks
        .filter_map(|block| block.split("```").next())
        .collect();
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    assert_eq!(lines(&shown), lines(&read("goldens/provision_member.rs")));
}
