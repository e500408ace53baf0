//! Connections: how operations reach the server, and how events leave it.
//!
//! The submodules know tables only by the statements that they execute themselves (ping, vacuum,
//! notify). Every other folder of this store imports this one; it must not import any of them.
//!
//! * `connect`: settings of a connection. `pool`: connection tasks that execute operations.
//! * `operation`, `tx`: what an operation is, and the connection that it gets.
//! * `statements`, `text`: SQL with the schema's name in it; texts that may contain NUL.
//! * `notifier`, `listener`: events to and from other processes.
//! * `columns`: the columns of a row by their names.
//! * `error`, `server`, `vacuum`.

mod columns;
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
