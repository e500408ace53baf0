//! The attributes `#[job]` and `#[resource]` of the crate `jobs`, which documents them.
//!
//! A job passes through the stages in the order of these modules: what was written in the
//! attribute ([`arguments`]) and as a function ([`function`], [`signature`]), what of it was
//! accepted ([`model`]), what is generated ([`expansion`]).

mod errors;
mod suggestion;

mod case;
mod docs;
mod duration;
mod id;

mod arguments;
mod given;
mod keys;
mod retries;
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

/// Declares a background job; documented at `jobs::job`.
#[proc_macro_attribute]
pub fn job(attribute: TokenStream, item: TokenStream) -> TokenStream {
    job::job(attribute.into(), item.into()).into()
}

/// Declares a resource of handlers; documented at `jobs::resource`.
#[proc_macro_attribute]
pub fn resource(attribute: TokenStream, item: TokenStream) -> TokenStream {
    resource::resource(attribute.into(), item.into()).into()
}
