//! The calls of the const builder for limits.

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::quote;

use super::duration::duration;
use crate::model::{Debounce, JsonName, Limits, MaxConcurrent, RateLimit, Unique};
use crate::signature::case;

/// Generates `.max_concurrent(…).rate_limit(…)…`.
pub(super) fn limits(limits: &Limits) -> TokenStream {
    let Limits {
        max_concurrent,
        rate_limit,
        unique,
        debounce,
        max_waiting,
    } = limits;
    let max_concurrent = max_concurrent.as_ref().map(self::max_concurrent);
    let rate_limit = rate_limit.as_ref().map(|RateLimit { count, period, per }| {
        let count = Literal::u32_unsuffixed(*count);
        let period = duration(*period);
        let per = self::per(per.as_ref());
        quote!(.rate_limit(__private::MaxRate::new(#count, #period) #per))
    });
    let unique = unique.as_ref().map(self::unique);
    let debounce = debounce.as_ref().map(self::debounce);
    let max_waiting = max_waiting.map(|count| {
        let count = Literal::u32_unsuffixed(count);
        quote!(.max_waiting(#count))
    });
    quote!(#max_concurrent #rate_limit #unique #debounce #max_waiting)
}

fn max_concurrent(limit: &MaxConcurrent) -> TokenStream {
    let MaxConcurrent {
        count,
        per,
        weights,
    } = limit;
    let count = Literal::u32_unsuffixed(*count);
    let per = self::per(per.as_ref());
    let weights = (!weights.is_empty()).then(|| {
        let weights = weights.iter().map(|(value, weight)| {
            let weight = Literal::u32_unsuffixed(*weight);
            quote!((#value, #weight))
        });
        quote!(.weights(&[#(#weights),*]))
    });
    quote!(.max_concurrent(__private::MaxConcurrent::new(#count) #per #weights))
}

fn unique(unique: &Unique) -> TokenStream {
    let Unique {
        by,
        within,
        on_conflict,
        live,
    } = unique;
    let by = self::by(by);
    let within = within.map(|within| {
        let within = duration(within);
        quote!(.within(#within))
    });
    let on_conflict = on_conflict.map(|word| {
        let variant = variant(word);
        quote!(.on_conflict(__private::OnConflict::#variant))
    });
    let live = (!live.is_empty()).then(|| {
        let live = live.iter().map(|word| variant(word));
        quote!(.live(&[#(__private::ExecutionStatus::#live),*]))
    });
    quote!(.unique(__private::Unique::new() #by #within #on_conflict #live))
}

fn debounce(debounce: &Debounce) -> TokenStream {
    let Debounce { delay, by, at_most } = debounce;
    let delay = duration(*delay);
    let by = self::by(by);
    let at_most = at_most.map(|at_most| {
        let at_most = duration(at_most);
        quote!(.at_most(#at_most))
    });
    quote!(.debounce(__private::Debounce::new(#delay) #by #at_most))
}

fn per(field: Option<&JsonName>) -> Option<TokenStream> {
    field.map(|field| quote!(.per(#field)))
}

fn by(fields: &[JsonName]) -> Option<TokenStream> {
    (!fields.is_empty()).then(|| quote!(.by(&[#(#fields),*])))
}

/// Converts `skip` to the variant `Skip`.
fn variant(word: &str) -> Ident {
    Ident::new(&case::upper_camel(word), Span::call_site())
}
