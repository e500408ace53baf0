//! Expiry of executions whose first attempt has not started in time.

/// The largest number of executions that one call cancels.
pub(in crate::store) const MAX_EXPIRED: i64 = 200;

/// The message of the error with which they are cancelled.
pub(in crate::store) const MESSAGE: &str = "expired: its first attempt had not started in time";
