//! A Prometheus server of the tests, and its checker `promtool`.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tests::http;
use tests::process::wait_for;

/// A Prometheus that scrapes one address every 200 ms. Killed when dropped.
pub(crate) struct Prometheus {
    child: Child,
    address: SocketAddr,
}

impl Prometheus {
    /// Starts a server that keeps its files in `dir`.
    pub(crate) fn start(dir: &Path, target: SocketAddr) -> Self {
        let config = format!(
            "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
             scrape_configs:\n- job_name: jobs\n  static_configs:\n  - targets: ['{target}']\n"
        );
        let config_file = dir.join("prometheus.yml");
        fs::write(&config_file, config).unwrap();
        let address = free_address();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config_file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.join("prometheus.log")).unwrap())
            .spawn()
            .expect("`prometheus` starts: `./test` installs it");
        wait_for("Prometheus to listen", || {
            std::net::TcpStream::connect(address).is_ok()
        });
        Self { child, address }
    }

    /// Evaluates an expression. Returns the labels and the value of each sample.
    pub(crate) fn query(&self, expression: &str) -> Vec<(Value, f64)> {
        let path = format!("/api/v1/query?query={}", percent_encoded(expression));
        let answer = http::get(self.address, &path);
        assert_eq!(answer.status, 200, "{expression}: {answer:?}");
        let samples = answer.body["data"]["result"].as_array().unwrap();
        let value = |sample: &Value| sample["value"][1].as_str().unwrap().parse().unwrap();
        let samples = samples
            .iter()
            .map(|one| (one["metric"].clone(), value(one)));
        samples.collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nothing listens on.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn percent_encoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| format!("%{byte:02x}"));
    encoded.collect()
}

/// Runs `promtool` with `input`. Fails with what it printed if it complains.
pub(crate) fn promtool(args: &[&str], input: &str) -> String {
    let mut child = Command::new("promtool")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`promtool` starts: `./test` installs it with Prometheus");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let mut printed = String::from_utf8_lossy(&output.stdout).into_owned();
    printed.push_str(&String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "promtool {args:?}:\n{printed}");
    printed
}
