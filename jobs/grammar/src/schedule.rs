//! The words of a schedule's options: `catch_up` and `overlap`.

use std::fmt;
use std::str::FromStr;

use crate::suggestion::did_you_mean;

/// The largest number of missed times that a schedule runs afterwards.
pub const MAX_CATCH_UP: u32 = 1_000;

/// The treatment of times that came while no scheduler ran: `none`, `one` or `all(24)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CatchUp {
    /// A missed time does not run.
    None,
    /// The newest missed time runs.
    #[default]
    One,
    /// The newest missed times run, at most this many.
    All(u32),
}

/// The treatment of a time while an execution of the schedule is live: `skip`, `queue` or `allow`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overlap {
    /// The time does not run.
    #[default]
    Skip,
    /// The time runs after the execution has ended.
    Queue,
    /// The time runs beside the execution.
    Allow,
}

impl CatchUp {
    /// Rejects a number of times that `skip` would reduce to the first: a store fires the missed
    /// times together, so each of the others comes while the first one is live.
    ///
    /// # Errors
    /// What to write instead.
    pub fn check_with(self, overlap: Overlap) -> Result<(), String> {
        match (self, overlap) {
            (Self::All(count @ 2..), Overlap::Skip) => Err(format!(
                "of {count} missed times, `overlap = \"skip\"` runs only the oldest: \
                 write `overlap = \"queue\"` to run one after another, or `\"allow\"`"
            )),
            _ => Ok(()),
        }
    }
}

impl Overlap {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Queue => "queue",
            Self::Allow => "allow",
        }
    }
}

impl FromStr for CatchUp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => return Ok(Self::None),
            "one" => return Ok(Self::One),
            _ => {}
        }
        let inner = text.strip_prefix("all");
        let Some(inner) = inner.filter(|inner| inner.is_empty() || inner.starts_with('(')) else {
            let hint = did_you_mean(text, ["none", "one", "all(24)"]);
            return Err(format!(
                "unknown word `{text}`{hint}\nexpected one of `none`, `one`, `all(24)`"
            ));
        };
        let count = inner
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        let count = count.filter(|count| count.bytes().all(|byte| byte.is_ascii_digit()));
        match count.and_then(|count| count.parse().ok()) {
            Some(count @ 1..=MAX_CATCH_UP) => Ok(Self::All(count)),
            _ => Err(format!(
                "`{text}` lacks the number of missed times that run, from 1 to {MAX_CATCH_UP}: \
                 write `all(24)`"
            )),
        }
    }
}

impl FromStr for Overlap {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Skip, Self::Queue, Self::Allow];
        let found = known.into_iter().find(|overlap| overlap.as_str() == text);
        found.ok_or_else(|| {
            let hint = did_you_mean(text, known.map(Self::as_str));
            format!("unknown word `{text}`{hint}\nexpected one of `skip`, `queue`, `allow`")
        })
    }
}

impl fmt::Display for CatchUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::One => f.write_str("one"),
            Self::All(count) => write!(f, "all({count})"),
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{CatchUp, Overlap};

    #[test]
    fn words_are_read_as_they_are_shown() {
        for catch_up in [CatchUp::None, CatchUp::One, CatchUp::All(24)] {
            assert_eq!(catch_up.to_string().parse(), Ok(catch_up));
        }
        for overlap in [Overlap::Skip, Overlap::Queue, Overlap::Allow] {
            assert_eq!(overlap.to_string().parse(), Ok(overlap));
        }
    }

    #[test]
    fn mistakes_say_what_to_write() {
        for (text, hint) in [
            ("once", "did you mean `one`?"),
            ("all", "`all(24)`"),
            ("all(0)", "from 1 to 1000"),
            ("all(1001)", "from 1 to 1000"),
            ("all(+1)", "`all(24)`"),
            ("all(5", "`all(24)`"),
            ("", "expected one of"),
        ] {
            let error = text.parse::<CatchUp>().expect_err(text);
            assert!(error.contains(hint), "{text}: {error}");
        }
        assert!(
            "skips"
                .parse::<Overlap>()
                .expect_err("a plural")
                .contains("`skip`?")
        );
    }
}
