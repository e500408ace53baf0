//! Handlers of every supported shape: they compile, are linked, have descriptors, and run.

// A second name of the crate, as in an application that renames it in its Cargo.toml.
extern crate jobs as background;

#[path = "handlers/support.rs"]
mod support;

#[path = "handlers/by_hand.rs"]
mod by_hand;
#[path = "handlers/docs.rs"]
mod docs;
#[path = "handlers/evolution.rs"]
mod evolution;
#[path = "handlers/hygiene.rs"]
mod hygiene;
#[path = "handlers/layout.rs"]
mod layout;
#[path = "handlers/limits.rs"]
mod limits;
#[path = "handlers/names.rs"]
mod names;
#[path = "handlers/options.rs"]
mod options;
#[path = "handlers/payloads.rs"]
mod payloads;
#[path = "handlers/resources.rs"]
mod resources;
#[path = "handlers/shapes.rs"]
mod shapes;
#[path = "handlers/types.rs"]
mod types;
