//! (module document)

pub(in crate::store::postgres) mod connect;
pub(in crate::store::postgres) mod error;
pub(in crate::store::postgres) mod listener;
pub(in crate::store::postgres) mod notifier;
pub(in crate::store::postgres) mod operation;
pub(in crate::store::postgres) mod pool;
pub(in crate::store::postgres) mod server;
pub(in crate::store::postgres) mod statements;
pub(in crate::store::postgres) mod text;
pub(in crate::store::postgres) mod tx;
pub(in crate::store::postgres) mod vacuum;
