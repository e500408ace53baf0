//! Durations as expressions.

use std::time::Duration;

use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// Returns an expression of type `Duration`, in seconds where possible.
pub(super) fn duration(duration: Duration) -> TokenStream {
    if duration.subsec_nanos() == 0 {
        let seconds = Literal::u64_unsuffixed(duration.as_secs());
        quote!(__private::Duration::from_secs(#seconds))
    } else {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let millis = Literal::u64_unsuffixed(millis);
        quote!(__private::Duration::from_millis(#millis))
    }
}
