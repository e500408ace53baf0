//! Conversions into the fields of a payload.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// Converts an argument of a payload's `new` or of a setter into the field's type.
///
/// The trait converts a type into itself, and borrowed texts and slices into owned ones. With
/// `Into`, the types of `3` and `None` would be ambiguous, because many integers convert into an
/// `i64`. With this trait `SendMail::new("a@b", 3, None)` compiles.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given for a field of type `{T}`",
    label = "expected `{T}`"
)]
pub trait IntoField<T> {
    /// Converts the value.
    fn into_field(self) -> T;
}

impl<T> IntoField<T> for T {
    fn into_field(self) -> T {
        self
    }
}

/// Implements lossless conversions that keep literals unambiguous.
macro_rules! into_field {
    ($($from:ty => $into:ty),* $(,)?) => {$(
        impl IntoField<$into> for $from {
            fn into_field(self) -> $into {
                self.into()
            }
        }
    )*};
}

into_field! {
    &str => String,
    &String => String,
    &str => Box<str>,
    &str => PathBuf,
    &Path => PathBuf,
}

impl IntoField<Cow<'static, str>> for &'static str {
    fn into_field(self) -> Cow<'static, str> {
        self.into()
    }
}

impl IntoField<Cow<'static, str>> for String {
    fn into_field(self) -> Cow<'static, str> {
        self.into()
    }
}

impl<T: Clone> IntoField<Vec<T>> for &[T] {
    fn into_field(self) -> Vec<T> {
        self.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::IntoField;

    struct Letter {
        to: String,
        copies: i64,
        note: Option<u8>,
    }

    fn letter(
        to: impl IntoField<String>,
        copies: impl IntoField<i64>,
        note: impl IntoField<Option<u8>>,
    ) -> Letter {
        Letter {
            to: to.into_field(),
            copies: copies.into_field(),
            note: note.into_field(),
        }
    }

    #[test]
    fn literals_infer() {
        let letter = letter("alice", 3, None);
        assert_eq!(
            (letter.to.as_str(), letter.copies, letter.note),
            ("alice", 3, None)
        );
    }
}
