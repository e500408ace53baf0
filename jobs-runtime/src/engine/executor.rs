//! The execution of one attempt on the application's runtime.
//!
//! [`attempt`] calls the handler and reports how it ended; [`interrupt`] carries a cancel request,
//! a timeout, a lost lease or a shutdown to it. [`limiter`], [`success`] and [`lend`] are the parts
//! of the engine that a handler reaches through its context or client: named rate limits,
//! `succeed_in`, and the loan of a slot while the handler waits for another execution.
//!
//! Code in this folder may use the store, the clock and the log buffer. It must never use the
//! dispatcher: an attempt runs on another thread and sends it
//! [`AttemptEvent`](attempt::AttemptEvent)s.

pub(super) mod attempt;
pub(super) mod interrupt;
pub(super) mod lend;
pub(super) mod limiter;
mod success;
