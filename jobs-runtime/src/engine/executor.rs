//! The execution of one attempt on the application's runtime.
//!
//! [`attempt`] calls the handler and reports how it ended; [`interrupt`] carries a cancel request,
//! a timeout, a lost lease or a shutdown to it. A handler reaches three parts of the engine through
//! its context or client:
//!
//! * [`limiter`] waits for named rate limits;
//! * [`success`] writes the success of `succeed_in`;
//! * [`lend`] lends the slot of a handler that waits for another execution.
//!
//! [`unreadable`] releases an attempt whose payload another program can read.
//!
//! Code in this folder may import the store, the clock, the log buffer and the spans. It may import
//! the modules of the engine that an attempt needs, such as its handlers and hooks. It must never
//! import the dispatcher: an attempt runs on another thread and sends it
//! [`AttemptEvent`](attempt::AttemptEvent)s.

pub(super) mod attempt;
pub(super) mod interrupt;
pub(super) mod lend;
pub(super) mod limiter;
mod success;
mod unreadable;
