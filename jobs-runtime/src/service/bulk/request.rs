//! Checks of a bulk operation's act and filter.

use jobs::{Priority, Violation};

use crate::service::options::MAX_TEXT_CHARS;
use crate::store::{BulkAct, BulkEdit, BulkFilter};

/// The most ids of a filter.
const MAX_IDS: usize = 1_000;

/// A mistake in an act or a filter.
#[derive(Debug, thiserror::Error)]
#[error("{}", jobs::Violations(self.0.clone()))]
pub(crate) struct BulkError(pub(crate) Vec<Violation>);

/// Checks an act and its filter. An act without a filter would concern every execution, and is
/// rejected.
pub(crate) fn check(act: &BulkAct, filter: &BulkFilter) -> Result<(), BulkError> {
    let mut violations = Vec::new();
    let mut add = |pointer: &str, message: String| {
        violations.push(Violation {
            pointer: pointer.to_owned(),
            message,
        });
    };
    if *filter == BulkFilter::default() {
        let message = "is empty; name at least one of the filters, for example `since`";
        add("/filter", message.to_owned());
    }
    if filter.ids.len() > MAX_IDS {
        add("/filter/ids", format!("has more than {MAX_IDS} ids"));
    }
    if let BulkAct::Edit(edit) = act {
        let BulkEdit {
            priority,
            run_at,
            queue,
        } = edit;
        if priority.is_none() && run_at.is_none() && queue.is_none() {
            let message = "changes nothing: give `priority`, `runAt`, `delayMs` or `queue`";
            add("/edit", message.to_owned());
        }
        if priority.is_some_and(|priority| Priority::new(priority).is_none()) {
            add("/edit/priority", "must be 0 to 100".to_owned());
        }
        if let Some(queue) = queue
            && (queue.is_empty()
                || queue.chars().count() > MAX_TEXT_CHARS
                || queue.chars().any(char::is_control))
        {
            let message =
                format!("must have 1 to {MAX_TEXT_CHARS} characters, and no control characters");
            add("/edit/queue", message);
        }
    }
    if violations.is_empty() {
        Ok(())
    } else {
        Err(BulkError(violations))
    }
}
