//! RabbitMQ nodes for the tests: in a temporary directory, on free ports, removed when the tests'
//! process ends in any way.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::process::{now, wait_for};

/// The server's start script of Debian's package. The one in `/usr/sbin` changes the account.
const SERVER: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A shell script that runs the node as its child and reads commands from its standard input. The
/// end of the tests' process closes that input; the script then kills the node and its `epmd`, and
/// removes the directory.
const GUARDIAN: &str = r#"
set -u
trap '' INT TERM HUP
server=$1 dir=$2
export HOME=$dir RABBITMQ_NODENAME=jobs$3@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
export RABBITMQ_NODE_PORT=$3 RABBITMQ_DIST_PORT=$4 ERL_EPMD_PORT=$5 ERL_EPMD_ADDRESS=127.0.0.1
export RABBITMQ_MNESIA_BASE=$dir/data RABBITMQ_LOG_BASE=$dir/log RABBITMQ_PID_FILE=$dir/pid
export RABBITMQ_CONFIG_FILE=$dir/rabbitmq RABBITMQ_ENABLED_PLUGINS_FILE=$dir/plugins
export RABBITMQ_CONF_ENV_FILE=/dev/null RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='+S 1:1 +sbwt none'
start() {
    rm -f "$dir/pid"
    "$server" >>"$dir/log.txt" 2>&1 </dev/null &
}
end() {
    kill "-$1" "$(cat "$dir/pid" 2>/dev/null)" 2>/dev/null
    wait
}
start
while read -r command; do
    case $command in
        crash) end KILL ;;
        start) start ;;
        memory) "${server%-server}ctl" -q set_vm_memory_high_watermark "$(cat "$dir/watermark")" ;;
    esac
done
end KILL
epmd -kill >/dev/null 2>&1
rm -rf "$dir"
"#;

/// The settings of a node.
const CONFIG: &str = "\
log.console = false
vm_memory_high_watermark.absolute = 500MB
disk_free_limit.absolute = 1MB
load_definitions = DIRECTORY/definitions.json
listeners.ssl.1 = 127.0.0.1:TLS_PORT
ssl_options.cacertfile = DIRECTORY/server.crt
ssl_options.certfile = DIRECTORY/server.crt
ssl_options.keyfile = DIRECTORY/server.key
ssl_options.verify = verify_none
";

/// The users of a node. `app` may do everything, `reader` may declare nothing, and `mute` may write
/// to broker queues and to no exchange of jobs.
const DEFINITIONS: &str = r#"{
    "vhosts": [{"name": "/"}],
    "users": [
        {"name": "app", "password": "app", "tags": "administrator"},
        {"name": "reader", "password": "reader", "tags": ""},
        {"name": "mute", "password": "mute", "tags": ""}
    ],
    "permissions": [
        {"user": "app", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
        {"user": "reader", "vhost": "/", "configure": "^$", "write": ".*", "read": ".*"},
        {"user": "mute", "vhost": "/", "configure": ".*", "write": "jobs[.:]", "read": ".*"}
    ]
}"#;

/// A running node.
#[derive(Debug)]
pub struct RabbitMq {
    port: u16,
    tls_port: u16,
    directory: PathBuf,
    guardian: Mutex<Child>,
}

impl RabbitMq {
    /// The node that the tests of this process share. They keep apart by the prefix of their names.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<RabbitMq> = LazyLock::new(RabbitMq::start);
        &SHARED
    }

    /// Starts a node and waits until it accepts connections.
    pub fn start() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("jobs-rabbitmq-")
            .tempdir()
            .expect("a directory for the node")
            .keep();
        let [port, distribution, epmd, tls_port] = free_ports();
        let config = CONFIG
            .replace("DIRECTORY", &directory.to_string_lossy())
            .replace("TLS_PORT", &tls_port.to_string());
        create_certificate(&directory);
        for (name, text) in [
            ("rabbitmq.conf", config.as_str()),
            ("definitions.json", DEFINITIONS),
            ("plugins", "[]."),
        ] {
            std::fs::write(directory.join(name), text).expect("a file can be written");
        }
        let guardian = Command::new("sh")
            .args(["-c", GUARDIAN, "guardian", SERVER])
            .arg(&directory)
            .args([port, distribution, epmd].map(|port| port.to_string()))
            .current_dir(&directory)
            .stdin(Stdio::piped())
            .spawn()
            .expect("the node starts");
        let node = Self {
            port,
            tls_port,
            directory,
            guardian: Mutex::new(guardian),
        };
        node.wait_until_ready();
        node
    }

    /// The port of the node.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of the node.
    pub fn url(&self) -> String {
        url("app", self.port)
    }

    /// The URL of the node for encrypted connections.
    pub fn tls_url(&self) -> String {
        let port = self.tls_port;
        format!("amqps://app:app@localhost:{port}/%2f")
    }

    /// The certificate of the node, which signs itself.
    pub fn certificate(&self) -> PathBuf {
        self.directory.join("server.crt")
    }

    /// Kills the node without a warning.
    pub fn crash(&self) {
        self.tell("crash");
        wait_for("the node to end", || !self.listens());
    }

    /// Starts the node again, with the data that it had.
    pub fn start_again(&self) {
        self.tell("start");
        self.wait_until_ready();
    }

    /// Sets the memory above which the node blocks publishers, as a part of the machine's.
    pub fn set_memory_watermark(&self, part: &str) {
        std::fs::write(self.directory.join("watermark"), part).expect("a file can be written");
        self.tell("memory");
    }

    fn tell(&self, command: &str) {
        let mut guardian = self.guardian.lock().unwrap_or_else(PoisonError::into_inner);
        let input = guardian.stdin.as_mut().expect("the input is piped");
        writeln!(input, "{command}").expect("the guardian reads its input");
    }

    fn listens(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// A busy machine takes more than a minute for it.
    fn wait_until_ready(&self) {
        let begun = now();
        while !self.listens() {
            let log = || std::fs::read_to_string(self.directory.join("log.txt"));
            assert!(
                begun.elapsed().as_secs() < 180,
                "the node does not listen after three minutes:\n{}",
                log().unwrap_or_default()
            );
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
    }
}

impl Drop for RabbitMq {
    fn drop(&mut self) {
        let mut guardian = self.guardian.lock().unwrap_or_else(PoisonError::into_inner);
        drop(guardian.stdin.take());
        let _ = guardian.wait();
    }
}

/// The URL of a node, or of a proxy before it, for a user.
pub fn url(user: &str, port: u16) -> String {
    format!("amqp://{user}:{user}@127.0.0.1:{port}/%2f")
}

fn create_certificate(directory: &Path) {
    let created = Command::new("openssl")
        .args("req -new -x509 -nodes -days 2 -subj /CN=localhost".split(' '))
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "server.key", "-out", "server.crt"])
        .current_dir(directory)
        .output()
        .expect("openssl starts");
    let stderr = String::from_utf8_lossy(&created.stderr).into_owned();
    assert!(created.status.success(), "{stderr}");
}

/// Ports that are free now, each another one.
fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [_; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    listeners.map(|listener| listener.local_addr().expect("it has an address").port())
}
