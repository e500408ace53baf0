//! `#[job]`: runs the stages, from tokens to tokens.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute::JobAttribute;
use crate::errors::Errors;
use crate::expansion;
use crate::model::AcceptedJob;
use crate::signature::{Function, Signature};

/// Returns the tokens that replace `#[job(attribute)] item`.
pub(crate) fn job(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };

    // The attribute and the signature fail independently, so each is read whatever the other says.
    let attribute = JobAttribute::parse(attribute, &mut errors);
    let signature = Signature::read(&function, &mut errors);
    let job = AcceptedJob::accept(attribute, &function, signature, &mut errors);

    if errors.is_empty() {
        expansion::expand(&function, &job)
    } else {
        expansion::fallback(&function, &job, &errors)
    }
}
