//! Errors as text for people.

use std::error::Error;
use std::fmt;

/// The start of the error of a handler that asks for a named limit without a setting.
pub(crate) const NO_LIMIT: &str = "no limit `";

/// Shows an error with its causes, outermost first, joined by `: `.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl fmt::Display + 'a {
    struct Chain<'a>(&'a (dyn Error + 'static));

    impl fmt::Display for Chain<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}", self.0)?;
            let mut cause = self.0.source();
            while let Some(error) = cause {
                write!(f, ": {error}")?;
                cause = error.source();
            }
            Ok(())
        }
    }

    Chain(error)
}
