//! Parsers of keys that the runtime does not enforce yet.
//!
//! The keys are rejected, and mistakes in their values are reported as well.

use syn::Result;

use super::limits::nonzero_duration;
use super::{JobAttribute, Meta};

/// `expires = "1h"`
pub(crate) fn expires(_: &mut JobAttribute, meta: &Meta) -> Result<()> {
    meta.value(nonzero_duration).map(drop)
}
