//! Product data: five jobs with small, real work, in databases and directories of their own.
//!
//! | file | job | work |
//! |---|---|---|
//! | `product/notification.rs` | `notification.workflow.transition` | writes messages |
//! | `product/clone.rs` | `design.clone` | copies a design in batches, with progress |
//! | `product/cache.rs` | `maintenance.cache.cleanup` | deletes old files every hour |
//! | `product/part_changed.rs` | `workinstruction.part.changed` | enqueues children |
//! | `product/text_to_cad.rs` | `cad.zoo.generate` | writes a mesh as an OBJ file |
//!
//! `product/database.rs` is the database that two of them share. A directory is created when a job
//! first needs it:
//!
//! | variable | default | contents |
//! |---|---|---|
//! | `PRODUCT_DATABASE_URL` | `sqlite:product.db` | designs, parts and work instructions |
//! | `MAILDIR` | `mail` | messages in the maildir format |
//! | `CACHE_DIRECTORY` | `cache` | files that may be deleted |
//! | `MESH_DIRECTORY` | `meshes` | generated meshes |

mod cache;
mod clone;
mod database;
mod notification;
mod part_changed;
mod text_to_cad;

pub use cache::*;
pub use clone::*;
pub use database::{ProductDb, product_db};
pub use notification::*;
pub use part_changed::*;
pub use text_to_cad::*;

/// Returns the directory that a variable names, or the default.
fn directory(variable: &str, default: &str) -> std::path::PathBuf {
    std::env::var_os(variable).map_or_else(|| default.into(), Into::into)
}
