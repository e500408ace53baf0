//! The CAD jobs, executed by their Python worker on both stores.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tests::http::trigger;
use tests::process::Server;

use super::{PROGRAM, databases, wait_until_final};

/// The Python worker; killed when dropped.
struct CadWorker(Child);

impl CadWorker {
    fn start(server: &Server, folder: &Path) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let child = Command::new("python3")
            .arg(root.join("examples/cad/worker.py"))
            .arg(folder)
            .env("JOBS_SERVER", format!("http://{}", server.address))
            .env("PYTHONPATH", root.join("clients/python/src"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("python3 starts"))
    }
}

impl Drop for CadWorker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_python_worker_converts_meshes_and_generates_a_gear() {
    let mesh = include_str!("../cad/meshes/tetrahedron.stl");
    for database in databases() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("tetrahedron.stl"), mesh).unwrap();
        let server = Server::start(PROGRAM, dir.path(), &[("JOBS_DATABASE", &*database)]);
        let _worker = CadWorker::start(&server, dir.path());
        let done = |job: &str, payload: Value| {
            let id = trigger(server.address, job, &payload);
            let record = wait_until_final(server.address, &id);
            assert_eq!(record["status"], "succeeded", "{record}");
            assert_eq!(record["progress"], 100, "{record}");
            record["result"].clone()
        };

        let conversion = "cad.conversion.process";
        let obj = done(conversion, json!({"mesh": "tetrahedron.stl", "to": "obj"}));
        assert_eq!(obj["triangles"], 4);
        let bounds = json!({"min": [0.0, 0.0, 0.0], "max": [3.0, 2.0, 1.5]});
        assert_eq!(obj["boundingBox"], bounds);
        let text = std::fs::read_to_string(dir.path().join(obj["file"].as_str().unwrap())).unwrap();
        let count = |prefix: &str| text.lines().filter(|line| line.starts_with(prefix)).count();
        assert_eq!((count("v "), count("f ")), (4, 4), "{text}");

        // And back: the same box.
        let stl = done(conversion, json!({"mesh": obj["file"], "to": "stl"}));
        assert_eq!(
            (&stl["triangles"], &stl["boundingBox"]),
            (&json!(4), &bounds)
        );

        let gear = done("cad.parametric.generate", json!({"teeth": 12}));
        assert_eq!(gear["triangles"], 4 * 4 * 12);
        assert_eq!(gear["boundingBox"]["max"][2], 5.0, "{gear}");

        let payload = json!({"mesh": "../secret.stl", "to": "obj"});
        let id = trigger(server.address, conversion, &payload);
        let record = wait_until_final(server.address, &id);
        assert_eq!(record["error"]["kind"], "permanent", "{record}");
    }
}
