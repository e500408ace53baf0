//! A job under limits: it reads a shape from a text and writes its mesh as an OBJ file.
//!
//! ```text
//! cargo run -- exec cad.zoo.generate --prompt "a box of 20 x 10 x 5"
//! cargo run -- exec cad.zoo.generate --prompt "a cylinder of radius 5 and height 12"
//! ```

use std::f64::consts::TAU;
use std::fmt::Write;
use std::fs;

use jobs::{JobContext, JobError, job};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::directory;

/// The number of sides that approximate a cylinder.
const SIDES: usize = 48;

/// The result: a mesh.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratedMesh {
    /// The path of the OBJ file.
    pub file: String,
    /// The number of vertices.
    pub vertices: usize,
    /// The number of faces.
    pub faces: usize,
}

/// Zoo Text-to-CAD.
///
/// Understands boxes and cylinders. At most five run at a time, and 60 start in a minute, as for a
/// service that is paid by the call.
#[job(
    id = "cad.zoo.generate",
    routing_key = "jobs.cad.zoo",
    timeout = "5m",
    retries = [30, 60, 120],
    max_attempts = 3,
    max_concurrent = 5,
    rate_limit = "60/min",
    tags = ["sample", "product"]
)]
pub fn generate_mesh(
    ctx: &JobContext,
    /// The shape, in English, with its measures in millimetres.
    prompt: String,
) -> Result<GeneratedMesh, JobError> {
    let Some(shape) = Shape::of(&prompt) else {
        let reason = format!("no box and no cylinder with its measures in `{prompt}`");
        return Err(JobError::permanent(reason));
    };
    ctx.progress(30, "building the mesh");
    let mesh = shape.mesh();
    ctx.progress(80, "writing the file");
    let directory = directory("MESH_DIRECTORY", "meshes");
    fs::create_dir_all(&directory)?;
    let file = directory.join(format!("{}.obj", ctx.execution_id()));
    // A reader sees the whole file or none.
    let draft = file.with_extension("draft");
    fs::write(&draft, mesh.obj(&prompt))?;
    fs::rename(&draft, &file)?;
    Ok(GeneratedMesh {
        file: file.display().to_string(),
        vertices: mesh.vertices.len(),
        faces: mesh.faces.len(),
    })
}

/// A shape with its measures.
#[derive(Debug, PartialEq)]
enum Shape {
    Box { sides: [f64; 3] },
    Cylinder { radius: f64, height: f64 },
}

impl Shape {
    /// Reads a shape: its name, and the numbers of the text as its measures.
    fn of(prompt: &str) -> Option<Self> {
        let prompt = prompt.to_lowercase();
        let numbers = prompt.split(|c: char| !c.is_ascii_digit() && c != '.');
        let numbers = numbers.filter_map(|text| text.parse::<f64>().ok());
        let numbers: Vec<_> = numbers.filter(|number| *number > 0.0).collect();
        match numbers[..] {
            [x, y, z] if prompt.contains("box") => Some(Self::Box { sides: [x, y, z] }),
            [radius, height] if prompt.contains("cylinder") => {
                Some(Self::Cylinder { radius, height })
            }
            _ => None,
        }
    }

    fn mesh(&self) -> Mesh {
        let mut mesh = Mesh::default();
        let (ring, height): (Vec<_>, f64) = match *self {
            Self::Box { sides: [x, y, z] } => (vec![[0.0, 0.0], [x, 0.0], [x, y], [0.0, y]], z),
            Self::Cylinder { radius, height } => {
                let point = |n: usize| {
                    let angle = TAU * n as f64 / SIDES as f64;
                    [radius * angle.cos(), radius * angle.sin()]
                };
                ((0..SIDES).map(point).collect(), height)
            }
        };
        let count = ring.len();
        for z in [0.0, height] {
            mesh.vertices.extend(ring.iter().map(|[x, y]| [*x, *y, z]));
        }
        // Counter-clockwise as seen from outside: bottom, top, sides. Numbers start at 1.
        mesh.faces.push((1..=count).rev().collect());
        mesh.faces.push((count + 1..=2 * count).collect());
        for n in 0..count {
            let next = (n + 1) % count;
            mesh.faces
                .push(vec![n + 1, next + 1, count + next + 1, count + n + 1]);
        }
        mesh
    }
}

/// Vertices, and faces as numbers of vertices from 1.
#[derive(Debug, Default)]
struct Mesh {
    vertices: Vec<[f64; 3]>,
    faces: Vec<Vec<usize>>,
}

impl Mesh {
    /// Writes the mesh in the OBJ format.
    fn obj(&self, prompt: &str) -> String {
        let mut text = format!("# {}\n", prompt.replace(char::is_control, " "));
        for [x, y, z] in &self.vertices {
            let _ = writeln!(text, "v {x:.6} {y:.6} {z:.6}");
        }
        for face in &self.faces {
            let numbers: Vec<_> = face.iter().map(usize::to_string).collect();
            let _ = writeln!(text, "f {}", numbers.join(" "));
        }
        text
    }
}
