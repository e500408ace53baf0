//! `#[job]`, from tokens to tokens.

use proc_macro2::TokenStream;
use quote::quote;

use crate::arguments::Arguments;
use crate::errors::Errors;
use crate::expansion;
use crate::function::Function;
use crate::model::Job;
use crate::signature::Signature;

/// What `#[job(attribute)] item` is replaced by.
pub(crate) fn job(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };

    // The attribute and the signature fail independently: both are read before anyone gives up.
    let arguments = Arguments::parse(attribute, &mut errors);
    let signature = Signature::read(&function, &mut errors);
    let job = Job::accept(arguments, &function, signature, &mut errors);

    match errors.is_empty() {
        true => expansion::expand(&function, &job),
        false => expansion::fallback(&function, &job, &errors),
    }
}
