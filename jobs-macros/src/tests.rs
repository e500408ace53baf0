//! Golden expansions: `goldens/<feature>.rs` is what the code in `golden!` below becomes.
//!
//! They are there to be read: an expansion that does not read as if written by hand is a bug.
//! `UPDATE_GOLDENS=1 cargo test -p jobs-macros` writes them anew; a failing run never does.

mod cost;
mod jobs;
mod mistakes;
mod resources;

use std::fs;
use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse::Parser as _;

/// Expands every `#[job]` and `#[resource]` in `input`, and compares with the golden file.
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
        "the expansion differs from {}; if that is meant, run UPDATE_GOLDENS=1 cargo test -p \
         jobs-macros and read the difference\n\n{expanded}",
        path.display()
    );
}

/// As the compiler does it: our attribute is taken away and handed the rest.
fn expand(input: TokenStream) -> TokenStream {
    let split = |input: syn::parse::ParseStream<'_>| {
        let attributes = input.call(syn::Attribute::parse_outer)?;
        Ok((attributes, input.parse::<TokenStream>()?))
    };
    let (mut attributes, function) = split.parse2(input).expect("attributes and a function");
    let ours = |attribute: &syn::Attribute| {
        let path = attribute.path();
        path.is_ident("job") || path.is_ident("resource")
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
    match attribute.path().is_ident("job") {
        true => crate::job::job(arguments, &item),
        false => crate::resource::resource(arguments, &item),
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
fn the_grammar_of_schedules_is_that_of_the_runtime() {
    assert!(
        include_str!("cron.rs") == include_str!("../../jobs/src/cron.rs"),
        "jobs-macros/src/cron.rs is a copy of jobs/src/cron.rs: copy it again"
    );
}

#[test]
fn the_guide_shows_the_golden() {
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
