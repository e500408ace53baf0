//! Periodic tasks of a worker that serve the whole fleet.
//!
//! Each task asks the store on its own timer and shares no state with the others:
//!
//! | task | effect |
//! |---|---|
//! | [`promotion`] | moves executions that are due from `scheduled` to `ready` |
//! | [`rescue`] | takes over the leases of a lost worker |
//! | [`ageing`] | raises the priority of executions that have waited for too long |
//! | [`scheduler`] | fires the times of schedules, on a thread of its own and also without a worker |
//!
//! Every worker runs promotion and rescue. Ageing runs in workers whose configuration names queues
//! for it. The store makes concurrent runs harmless. A task extends the dispatcher and uses the
//! store; it never starts an attempt and never uses the executor.

mod ageing;
pub(super) mod promotion;
pub(super) mod rescue;
pub(crate) mod scheduler;
