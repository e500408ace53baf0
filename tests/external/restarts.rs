//! Restarts of the server, and workers that stop in every way.

use serde_json::{Value, json};
use tests::http;
use tests::process::wait_for;

use super::python_worker::Site;

#[test]
fn a_lease_survives_a_restart_of_the_server() {
    for mut site in Site::both("30s") {
        let worker = site.worker(&["1"]);
        let id = site.trigger("steps", 1);
        site.wait(&id, "progress", |it| it["progress"].as_i64() >= Some(5));
        let server = site.server.take().unwrap();
        // Half of the restarts are crashes.
        if site.address.port() % 2 == 0 {
            server.kill_9();
        } else {
            let (code, log) = server.terminate();
            assert_eq!(code, Some(0), "{log:?}");
        }
        site.restart();
        let before = site.execution(&id)["progress"].as_i64();
        site.wait(&id, "more progress", |it| it["progress"].as_i64() > before);
        site.open_gate(1);
        let execution = site.wait_status(&id, "succeeded");
        assert_eq!(execution["result"]["attempt"], 1, "{:?}", worker.log());
        // The worker goes on with new leases.
        site.wait_status(&site.trigger("echo", 1), "succeeded");
    }
}

#[test]
fn a_stopped_worker_changes_nothing_after_its_lease() {
    for site in Site::both("3s") {
        let stopped = site.worker(&["1"]);
        let id = site.trigger("steps", 2);
        site.wait(&id, "progress", |it| it["progress"].as_i64() >= Some(2));
        stopped.signal("-STOP");
        let execution = site.wait(&id, "the loss", |it| it["attempts"][0]["outcome"] == "lost");
        assert_ne!(execution["status"], "succeeded");
        let other = site.worker(&["1"]);
        site.wait(&id, "the second attempt", |it| {
            it["attempt"] == 2 && it["status"] == "running"
        });
        site.open_gate(2);
        site.wait_status(&id, "succeeded");
        let before = site.execution(&id);
        stopped.signal("-CONT");
        wait_for("the stopped worker to be told", || {
            let log = stopped.log();
            log.iter()
                .any(|line| line.contains(&format!("lease of {id}/1 lost")))
        });
        assert_eq!(site.execution(&id), before, "{:?}", other.log());
        assert_eq!(before["result"]["attempt"], 2);
    }
}

#[test]
fn a_killed_worker_is_replaced_and_a_terminated_one_gives_back() {
    for site in Site::both("3s") {
        let killed = site.worker(&["1"]);
        let id = site.trigger("steps", 3);
        site.wait(&id, "progress", |it| it["progress"].as_i64() >= Some(2));
        killed.signal("-KILL");
        let mut other = site.worker(&["1"]);
        site.wait(&id, "the second attempt", |it| {
            it["attempt"] == 2 && it["status"] == "running"
        });
        let execution = site.execution(&id);
        assert_eq!(execution["attempts"][0]["outcome"], "lost", "{execution}");

        // The handler goes on during the drain, and ignores the interrupt after it.
        other.signal("-TERM");
        assert_eq!(other.ended(), Some(0), "{:?}", other.log());
        let execution = site.execution(&id);
        assert_eq!(
            execution["attempts"][1]["outcome"], "released",
            "{execution}"
        );
        let _last = site.worker(&["1"]);
        site.open_gate(3);
        let execution = site.wait_status(&id, "succeeded");
        assert_eq!(execution["result"]["attempt"], 3);
    }
}

#[test]
fn two_servers_serve_one_lease() {
    let [_, site] = Site::both("30s");
    let other = Site::beside(&site);
    let id = site.trigger("echo", 1);
    let body = json!({"workerId": "by-hand", "jobs": ["kit.work"], "waitMs": 10_000});
    let answer = post(&site, "/leases", &body);
    let token = answer["leases"][0]["token"].as_str().unwrap().to_owned();
    let beat = post(
        &other,
        &format!("/leases/{token}/heartbeat"),
        &json!({"progress": 50}),
    );
    assert_eq!(beat["interrupt"], Value::Null);
    assert_eq!(site.execution(&id)["progress"], 50);
    let done = json!({"result": {"doubled": 2, "attempt": 1}});
    let path = format!("/leases/{token}/succeed");
    for server in [&other, &site] {
        assert_eq!(post(server, &path, &done)["executionId"], json!(id));
    }
    assert_eq!(other.execution(&id)["status"], "succeeded");
}

fn post(site: &Site, path: &str, body: &Value) -> Value {
    let path = format!("/api/v1/workers{path}");
    let answer = http::post(site.address, &path, &body.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}
