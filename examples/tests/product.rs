//! The jobs on product data: their policies, their files and their rows.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;
use tests::http::{execution, get, post, trigger};
use tests::process::{Server, wait_for};

use super::{PROGRAM, wait_until_final};

const PREFIX: &str = "/api/v1/workers";

fn start(dir: &Path) -> Server {
    Server::start(PROGRAM, dir, &[])
}

/// Triggers a job, and returns its result.
fn result_of(server: &Server, job: &str, payload: &Value) -> Value {
    let id = trigger(server.address, job, payload);
    let record = wait_until_final(server.address, &id);
    assert_eq!(record["status"], "succeeded", "{record}");
    record["result"].clone()
}

#[test]
fn product_jobs_have_their_policies() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path());
    for (id, routing_key, label) in [
        (
            "notification.workflow.transition",
            "jobs.notification.workflow",
            "Email on state change",
        ),
        (
            "design.clone",
            "jobs.design.clone",
            "Clone a design with all items",
        ),
        (
            "maintenance.cache.cleanup",
            "jobs.maintenance.cache",
            "Periodic cache cleanup",
        ),
        (
            "workinstruction.part.changed",
            "jobs.workinstruction.part",
            "Alert on part change",
        ),
        ("cad.zoo.generate", "jobs.cad.zoo", "Zoo Text-to-CAD"),
    ] {
        let job = get(server.address, &format!("{PREFIX}/jobs/{id}")).body;
        let seen = [&job["label"], &job["routingKey"]];
        assert_eq!(seen, [label, routing_key], "{job}");
        let policy = [&job["timeoutMs"], &job["maxAttempts"], &job["priority"]];
        assert_eq!(policy, [300_000, 3, 50], "{id}");
        assert_eq!(job["retryDelaysMs"][1], 60_000, "{id}");
    }
    // The Python worker of `examples/cad/` executes these two.
    for (id, routing_key) in [
        ("cad.conversion.process", "jobs.cad.conversion"),
        ("cad.parametric.generate", "jobs.cad.parametric"),
    ] {
        let job = get(server.address, &format!("{PREFIX}/jobs/{id}")).body;
        let seen = [&job["handler"], &job["routingKey"]];
        assert_eq!(seen, ["external", routing_key], "{job}");
        assert_eq!(job["maxAttempts"], 3, "{job}");
    }
    let check = get(server.address, &format!("{PREFIX}/jobs/health-check")).body;
    assert_eq!(check["schedule"][0]["cron"], "*/5 * * * *", "{check}");
    let path = format!("{PREFIX}/jobs/maintenance.cache.cleanup");
    let cleanup = get(server.address, &path).body;
    assert_eq!(cleanup["expiresMs"], 3_600_000, "{cleanup}");
    assert_eq!(cleanup["schedule"][0]["cron"], "0 * * * *", "{cleanup}");
}

#[test]
fn a_changed_part_notifies_the_owner_of_each_instruction() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path());
    let payload = json!({"partId": "shaft", "change": "longer by 2 mm"});
    let id = trigger(server.address, "workinstruction.part.changed", &payload);
    let record = wait_until_final(server.address, &id);
    assert_eq!(
        record["result"]["instructions"],
        json!(["wi-1", "wi-2"]),
        "{record}"
    );
    let children = record["result"]["notifications"].as_array().unwrap();
    assert_eq!(children.len(), 2);
    for child in children {
        let child = wait_until_final(server.address, child.as_str().unwrap());
        assert_eq!(child["parentId"], *id, "{child}");
        let name = child["result"]["messages"][0].as_str().unwrap();
        let text = fs::read_to_string(dir.path().join("mail/new").join(name)).unwrap();
        let to = child["payload"]["recipients"][0].as_str().unwrap();
        assert!(text.contains(&format!("\r\nTo: {to}\r\n")), "{text}");
        assert!(text.contains("longer by 2 mm"), "{text}");
    }
    let none = json!({"partId": "unknown", "change": "gone"});
    let alerts = result_of(&server, "workinstruction.part.changed", &none);
    assert_eq!(alerts["notifications"], json!([]));
}

async fn designs(dir: &Path) -> Vec<(String, bool, i64)> {
    let url = format!("sqlite:{}", dir.join("product.db").display());
    let pool = SqlitePool::connect(&url).await.unwrap();
    sqlx::query_as(
        "SELECT id, complete, (SELECT count(*) FROM items WHERE design_id = designs.id) \
         FROM designs WHERE id <> 'gearbox'",
    )
    .fetch_all(&pool)
    .await
    .unwrap()
}

fn wait_for_items(server: &Server, id: &str) {
    wait_for("some items of the clone", || {
        let message = execution(server.address, id)["progressMessage"].to_string();
        message.contains(" of 250 items") && !message.contains("\"0 of")
    });
}

#[tokio::test]
async fn a_killed_clone_goes_on_and_a_cancelled_one_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path());
    let slow = json!({"designId": "gearbox", "name": "copy", "pauseMs": 1_000});
    let id = trigger(server.address, "design.clone", &slow);
    wait_for_items(&server, &id);
    server.kill_9();

    let server = start(dir.path());
    let record = wait_until_final(server.address, &id);
    assert_eq!(record["result"]["items"], 250, "{record}");
    assert!(record["attempt"].as_u64() > Some(1), "{record}");
    let expected = vec![(id, true, 250)];
    assert_eq!(designs(dir.path()).await, expected);

    let id = trigger(server.address, "design.clone", &slow);
    wait_for_items(&server, &id);
    post(
        server.address,
        &format!("{PREFIX}/executions/{id}/cancel"),
        "{}",
    );
    let record = wait_until_final(server.address, &id);
    assert_eq!(record["status"], "cancelled", "{record}");
    assert_eq!(designs(dir.path()).await, expected);
}

#[test]
fn a_cleanup_deletes_old_files_alone() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("cache");
    fs::create_dir(&cache).unwrap();
    for name in ["old", "new"] {
        fs::write(cache.join(name), "12345").unwrap();
    }
    let old = fs::File::options()
        .write(true)
        .open(cache.join("old"))
        .unwrap();
    let modified = old.metadata().unwrap().modified().unwrap();
    old.set_modified(modified - Duration::from_secs(7_200))
        .unwrap();
    let server = start(dir.path());
    let report = result_of(
        &server,
        "maintenance.cache.cleanup",
        &json!({"maxAgeHours": 1}),
    );
    assert_eq!(report, json!({"deleted": 1, "freedBytes": 5, "kept": 1}));
    assert!(!cache.join("old").exists() && cache.join("new").exists());
}

/// The meshes are closed: each edge belongs to two faces, once in each direction.
#[test]
fn a_text_becomes_a_closed_mesh() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path());
    for (prompt, vertices, faces) in [
        ("a box of 20 x 10 x 5", 8, 6),
        ("a cylinder of radius 5 and height 12", 96, 50),
    ] {
        let mesh = result_of(&server, "cad.zoo.generate", &json!({"prompt": prompt}));
        assert_eq!(
            (&mesh["vertices"], &mesh["faces"]),
            (&json!(vertices), &json!(faces))
        );
        let file = dir.path().join(mesh["file"].as_str().unwrap());
        let text = fs::read_to_string(file).unwrap();
        let mut edges = HashSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("f ")) {
            let face: Vec<usize> = line.split(' ').map(|n| n.parse().unwrap()).collect();
            for (n, from) in face.iter().enumerate() {
                assert!(
                    edges.insert((*from, face[(n + 1) % face.len()])),
                    "{prompt}: {line}"
                );
            }
        }
        assert!(!edges.is_empty());
        assert!(
            edges.iter().all(|(a, b)| edges.contains(&(*b, *a))),
            "{prompt} is open"
        );
    }
    let id = trigger(
        server.address,
        "cad.zoo.generate",
        &json!({"prompt": "a nice shape"}),
    );
    let record = wait_until_final(server.address, &id);
    let seen = (
        &record["status"],
        &record["attempt"],
        &record["error"]["kind"],
    );
    assert_eq!(
        seen,
        (&json!("failed"), &json!(1), &json!("permanent")),
        "{record}"
    );
}
