//! Telemetry: metrics, and the reference of everything that this crate emits.
//!
//! | module | contents |
//! |---|---|
//! | [`reference`] | the name and the meaning of every metric, as in `docs/observability.md` |
//! | `metrics` | the instruments, and their values for `GET /metrics` |
//!
//! The folder imports the store contract, the clock and `health`. The service, the engine and the
//! HTTP interface import it.

pub(crate) mod metrics;
pub mod reference;
