//! External jobs: declared here, executed by the Python worker in `examples/cad/`.
//!
//! ```text
//! cargo run                                                      # the server
//! PYTHONPATH=clients/python/src python3 examples/cad/worker.py   # the worker
//! cargo run -- trigger cad.conversion.process --mesh tetrahedron.stl --to obj --wait
//! cargo run -- trigger cad.parametric.generate --teeth 12 --wait
//! ```

use jobs::{JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The format of a mesh file.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MeshFormat {
    /// Triangles, in binary.
    Stl,
    /// Vertices and faces, as text.
    Obj,
}

/// A mesh that the worker has written.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Mesh {
    /// The file, in the folder of the worker.
    pub file: String,
    /// The number of its triangles.
    pub triangles: u32,
    /// The box around it.
    pub bounding_box: BoundingBox,
}

/// A box along the axes.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct BoundingBox {
    /// The corner with the smallest coordinates.
    pub min: [f64; 3],
    /// The corner with the largest coordinates.
    pub max: [f64; 3],
}

/// Converts a mesh between STL and OBJ. Executed by the Python worker.
#[job(
    id = "cad.conversion.process",
    routing_key = "jobs.cad.conversion",
    label = "CAD conversion",
    timeout = "10m",
    retries = [60, 120],
    tags = ["cad"]
)]
pub async fn convert_cad(
    /// A file in the folder of the worker.
    #[schemars(length(min = 1))]
    mesh: String,
    to: MeshFormat,
) -> Result<Mesh, JobError>;

/// Generates a spur gear. Executed by the Python worker.
#[job(
    id = "cad.parametric.generate",
    routing_key = "jobs.cad.parametric",
    label = "Parametric CAD generation",
    timeout = "10m",
    retries = [60, 120],
    tags = ["cad"]
)]
pub async fn generate_gear(
    #[schemars(range(min = 6, max = 500))] teeth: u32,
    /// The module: the pitch diameter in millimetres, divided by the number of teeth.
    #[default(2.0)]
    #[schemars(range(min = 0.1, max = 100.0))]
    module: f64,
    /// The thickness in millimetres.
    #[default(5.0)]
    #[schemars(range(min = 0.1, max = 1000.0))]
    thickness: f64,
) -> Result<Mesh, JobError>;
