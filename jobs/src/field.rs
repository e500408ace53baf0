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

/// The setter of an optional field takes its value as well.
impl<T> IntoField<Option<T>> for T {
    fn into_field(self) -> Option<T> {
        Some(self)
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

impl IntoField<Option<String>> for &str {
    fn into_field(self) -> Option<String> {
        Some(self.into())
    }
}

impl IntoField<Option<PathBuf>> for &str {
    fn into_field(self) -> Option<PathBuf> {
        Some(self.into())
    }
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
        reply_to: Option<String>,
    }

    fn letter(
        to: impl IntoField<String>,
        copies: impl IntoField<i64>,
        note: impl IntoField<Option<u8>>,
        reply_to: impl IntoField<Option<String>>,
    ) -> Letter {
        Letter {
            to: to.into_field(),
            copies: copies.into_field(),
            note: note.into_field(),
            reply_to: reply_to.into_field(),
        }
    }

    #[test]
    fn literals_infer() {
        let first = letter("alice", 3, None, "bob");
        assert_eq!(
            (first.to.as_str(), first.copies, first.note),
            ("alice", 3, None)
        );
        assert_eq!(first.reply_to.as_deref(), Some("bob"));
        let second = letter("alice", 3, 7, None);
        assert_eq!((second.note, second.reply_to), (Some(7), None));
        let third = letter("alice", 3, Some(7), Some("bob".to_owned()));
        assert_eq!(
            (third.note, third.reply_to.as_deref()),
            (Some(7), Some("bob"))
        );
    }
}
