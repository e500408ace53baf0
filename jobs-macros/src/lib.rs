//! The attributes `#[job]`, `#[resource]` and `#[test]` of the crate `jobs`, which documents them.
//!
//! A job passes through four stages. Each stage imports only stages above it.
//!
//! | stage | input | output |
//! |---|---|---|
//! | `attribute` | the tokens in `#[job(…)]` | `JobAttribute`: the keys as written |
//! | `signature` | the function below the attribute | `Signature`: the function as written |
//! | `model` | both | `AcceptedJob`: the checked job |
//! | `expansion` | `AcceptedJob` | the tokens that replace the attribute |
//!
//! `job` runs the stages. `resource` and `test_attribute` are one small file each, because their
//! attributes have few keys.
//! `errors` serves every stage and imports none.

mod errors;

mod attribute;
mod signature;

mod model;

mod expansion;

mod job;
mod resource;
mod test_attribute;

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

#[expect(missing_docs, reason = "`jobs` documents it")]
#[proc_macro_attribute]
pub fn test(attribute: TokenStream, item: TokenStream) -> TokenStream {
    test_attribute::test(attribute.into(), &item.into()).into()
}
