//! The checks that need more than one key or one argument.
//!
//! `attribute` judges each key by its own value, `signature` each argument by its own type. This
//! module compares them. Nothing after it looks for mistakes.
//!
//! | module | content |
//! |---|---|
//! | `fields` | the attributes of an argument together; names in JSON; setters |
//! | `named_fields` | the fields that keys name |
//! | `whole_payload` | a payload of an existing type |
//!
//! The folder may import `errors`, `attribute`, `signature` and the payload of `model`. It must
//! never import `expansion`.

pub(super) mod fields;
pub(super) mod named_fields;
pub(super) mod whole_payload;

use syn::{LitStr, Path};

use crate::attribute::Spanned;
use crate::errors::Errors;
use crate::signature::Kind;

/// Reports an alias that is the id.
pub(super) fn reject_alias_of_itself(id: Option<&LitStr>, aliases: &[LitStr], errors: &mut Errors) {
    let Some(id) = id else { return };
    if let Some(same) = aliases.iter().find(|alias| alias.value() == id.value()) {
        errors.over(
            same,
            "an alias is a former id, and this is the id itself: remove it",
        );
    }
}

/// Removes derives that the expansion contains already. Each one is reported.
pub(super) fn reject_own_derives(derives: &mut Vec<Path>, errors: &mut Errors) {
    let own = ["Serialize", "Deserialize", "JsonSchema"];
    let is_own = |derive: &mut Path| own.iter().any(|name| ends_with(derive, name));
    for derive in derives.extract_if(.., is_own) {
        errors.over(derive, "every payload derives this: remove it");
    }
}

/// Reports `upcast` of an external job, whose workers read the stored payload.
pub(super) fn reject_upcast_without_handler(
    upcast: Option<&Spanned<Path>>,
    kind: Kind,
    errors: &mut Errors,
) {
    if let (Some(upcast), Kind::External) = (upcast, kind) {
        errors.over(
            &upcast.key,
            "`upcast` runs before a handler, and an external job has none: the workers convert \
             what they read",
        );
    }
}

/// Returns `true` for `name` and for `path::to::name`.
pub(super) fn ends_with(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}
