//! The accepted retry policy: the keys `retries` and `max_attempts` together.

use std::time::Duration;

use crate::attribute::{DEFAULT_DELAYS, MAX_ATTEMPTS, Retries, Spanned};
use crate::errors::Errors;

/// The arguments of `jobs::RetryPolicy::new`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) delays: Vec<Duration>,
    pub(crate) jitter: Option<f32>,
}

impl RetryPolicy {
    /// Joins the two keys. Returns `None` when neither is written.
    pub(crate) fn accept(
        retries: Option<Spanned<Retries>>,
        max_attempts: Option<Spanned<u32>>,
        errors: &mut Errors,
    ) -> Option<Self> {
        if let (Some(retries), Some(max)) = (&retries, &max_attempts) {
            reject_contradiction(retries, max, errors);
        }
        let max_attempts = max_attempts.map(|max| max.value);
        let (mut delays, jitter, retries) = match retries.map(|retries| retries.value) {
            None => (default_delays(), None, max_attempts? - 1),
            Some(Retries::Count(count)) => (default_delays(), None, count),
            Some(Retries::List { delays, jitter }) => {
                let count = u32::try_from(delays.len()).unwrap_or(MAX_ATTEMPTS);
                (delays, jitter, count)
            }
        };
        let max_attempts = max_attempts.unwrap_or(retries + 1);
        delays.truncate(max_attempts as usize - 1);
        Some(Self {
            max_attempts,
            delays,
            jitter,
        })
    }
}

fn default_delays() -> Vec<Duration> {
    DEFAULT_DELAYS.map(Duration::from_secs).to_vec()
}

/// Reports two numbers that disagree.
///
/// A list and a number never disagree: a longer list is cut, a shorter one repeats its last delay.
fn reject_contradiction(retries: &Spanned<Retries>, max: &Spanned<u32>, errors: &mut Errors) {
    let Retries::Count(count) = retries.value else {
        return;
    };
    let attempts = count + 1;
    if attempts == max.value {
        return;
    }
    let max = &max.value;
    errors.over(
        &retries.key,
        format!(
            "`retries = {count}` makes {attempts} attempts, `max_attempts = {max}` makes {max}: \
             keep one of the two keys",
        ),
    );
}

#[cfg(test)]
mod tests {
    use syn::parse::Parser as _;

    use super::RetryPolicy;
    use crate::attribute::{DEFAULT_DELAYS, Retries, Spanned};
    use crate::errors::Errors;

    #[test]
    fn lists_are_cut_and_numbers_must_agree() {
        let accept = |retries: &str, max| {
            let key = |name| syn::Ident::new(name, proc_macro2::Span::call_site());
            let mut errors = Errors::default();
            let retries = Some(Spanned {
                key: key("retries"),
                value: Retries::read.parse_str(retries).expect(retries),
            });
            let max = Some(Spanned {
                key: key("max_attempts"),
                value: max,
            });
            let policy = RetryPolicy::accept(retries, max, &mut errors).expect("both are written");
            (policy.max_attempts, policy.delays.len(), errors.is_empty())
        };
        assert_eq!(accept("[1, 2, 3]", 2), (2, 1, true));
        assert_eq!(accept("[1, 2, 3]", 9), (9, 3, true));
        assert_eq!(accept("2", 3), (3, DEFAULT_DELAYS.len() - 1, true));
        assert_eq!(accept("5", 3), (3, 2, false));
        assert_eq!(accept("0", 2), (2, 1, false));
    }
}
