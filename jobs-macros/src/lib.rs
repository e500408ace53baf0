//! The attributes `#[job]` and `#[resource]` of the crate `jobs`, which documents them.
//!
//! A job passes through the stages in the order of these modules: what was written in the
//! attribute (`arguments`) and as a function (`function`, `signature`), what of it was
//! accepted (`model`), what is generated (`expansion`).

mod errors;
mod suggestion;

mod case;
#[allow(
    unreachable_pub,
    dead_code,
    reason = "the same file as in `jobs`, which exports it and uses all of it"
)]
mod cron;
mod docs;
mod duration;
mod id;
mod zone;

mod arguments;
mod given;
mod keys;
mod limits;
mod refused;
mod retries;
mod schedule;
mod values;

mod field_attributes;
mod function;
mod signature;
mod types;

mod model;

mod expansion;

mod job;
mod resource;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

// Documented where it is re-exported, so that the examples compile.
#[expect(missing_docs, reason = "`jobs` documents it")]
#[proc_macro_attribute]
pub fn job(attribute: TokenStream, item: TokenStream) -> TokenStream {
    job::job(attribute.into(), &item.into()).into()
}

#[expect(missing_docs, reason = "`jobs` documents it")]
#[proc_macro_attribute]
pub fn resource(attribute: TokenStream, item: TokenStream) -> TokenStream {
    resource::resource(attribute.into(), &item.into()).into()
}
