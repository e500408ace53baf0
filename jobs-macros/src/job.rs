//! `#[job]`: runs the stages, from tokens to tokens.

use proc_macro2::TokenStream;
use quote::quote;

use crate::attribute::JobAttribute;
use crate::errors::Errors;
use crate::expansion;
use crate::model::AcceptedJob;
use crate::signature::{Function, Signature, WithoutMacroAttributes};

/// Returns the tokens that replace `#[job(attribute)] item`.
pub(crate) fn job(attribute: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let mut function: Function = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let error = error.into_compile_error();
            return quote!(#error #item);
        }
    };
    for repeated in function.take_attributes("job") {
        errors.over(
            repeated,
            "a function is one job: remove one of the two attributes, and give former ids as \
             `aliases`",
        );
    }

    // The attribute and the signature fail independently, so each is read whatever the other says.
    let attribute = JobAttribute::parse(attribute, &mut errors);
    let signature = Signature::read(&function, &mut errors);
    if signature.is_method {
        // A method is in an `impl`, which cannot contain the other items.
        let function = WithoutMacroAttributes(&function);
        return quote!(#errors #function);
    }
    match AcceptedJob::accept(attribute, &function, signature, &mut errors) {
        Ok(job) => expansion::expand(&function, &job),
        Err(outline) => expansion::fallback(&function, &outline, &errors),
    }
}

#[cfg(test)]
mod tests {
    use quote::quote;

    #[test]
    fn a_job_without_an_id_is_not_registered() {
        let item = quote!(
            async fn send_mail() -> Result<(), JobError> {}
        );
        for attribute in [
            "",
            "id",
            "id = \"\"",
            "id = 3",
            "id = \" \"",
            "queue = \"mail\"",
        ] {
            let expanded = super::job(attribute.parse().expect(attribute), &item).to_string();
            assert!(
                expanded.contains("compile_error"),
                "{attribute}: {expanded}"
            );
            assert!(!expanded.contains("submit"), "{attribute}: {expanded}");
        }
    }
}
