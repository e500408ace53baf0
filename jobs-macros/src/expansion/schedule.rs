//! The const expression of one schedule.

use jobs_grammar::schedule::{CatchUp, Overlap};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::duration::duration;
use crate::model::Schedule;

/// Generates `Schedule::new(…).timezone(…)…`.
pub(super) fn schedule(schedule: &Schedule) -> TokenStream {
    let Schedule {
        cron,
        timezone,
        catch_up,
        overlap,
        jitter,
    } = schedule;
    let timezone = timezone.as_ref().map(|name| quote!(.timezone(#name)));
    let catch_up = catch_up.map(|catch_up| {
        let catch_up = match catch_up {
            CatchUp::None => quote!(None),
            CatchUp::One => quote!(One),
            CatchUp::All(count) => {
                let count = Literal::u32_unsuffixed(count);
                quote!(All(#count))
            }
        };
        quote!(.catch_up(__private::CatchUp::#catch_up))
    });
    let overlap = overlap.map(|overlap| {
        let overlap = match overlap {
            Overlap::Skip => quote!(Skip),
            Overlap::Queue => quote!(Queue),
            Overlap::Allow => quote!(Allow),
        };
        quote!(.overlap(__private::Overlap::#overlap))
    });
    let jitter = jitter.map(|jitter| {
        let jitter = duration(jitter);
        quote!(.jitter(#jitter))
    });
    quote!(__private::Schedule::new(#cron) #timezone #catch_up #overlap #jitter)
}
