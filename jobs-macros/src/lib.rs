//! The attributes `#[job]` and `#[resource]` of the crate `jobs`.

use proc_macro::TokenStream;

/// Stub.
#[proc_macro_attribute]
pub fn job(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
/// Stub.
#[proc_macro_attribute]
pub fn resource(_: TokenStream, item: TokenStream) -> TokenStream {
    item
}
