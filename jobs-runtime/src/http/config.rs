//! The settings of the HTTP interface.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of the HTTP interface, for [`RuntimeBuilder::http`](crate::RuntimeBuilder::http).
///
/// ```
/// let mut http = jobs_runtime::http::HttpConfig::default();
/// http.hosts = vec!["jobs.example.com".to_owned()];
/// let builder = jobs_runtime::Runtime::builder().http(http);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpConfig {
    /// A file with an admin token. The start writes one into it if the file does not exist, and
    /// adds the file's token to a store that lacks it. Default: none.
    pub token_file: Option<PathBuf>,
    /// True if every caller that reaches the interface may do everything, without a token. For a
    /// network that only trusted programs reach. Default: false.
    pub trusted_network: bool,
    /// The names by which callers reach the interface through a proxy or a name server. With
    /// tokens, an empty list accepts every `Host`. Default: empty.
    pub hosts: Vec<String>,
    /// The origins of other sites whose pages may use the interface, with a token. Default: none.
    pub cors_origins: Vec<String>,
    /// The time for which a browser stays signed in. Default: 12 hours.
    pub sign_in_for: Duration,
    /// The time in which a connection must send the whole head of its next request. Default: 30 s.
    pub header_timeout: Duration,
    /// The time in which the whole body of a request must come. A slower one is answered 408.
    /// Default: 25 s, less than the 30 s of a response.
    pub body_timeout: Duration,
    /// The connections at a time. For a further one, an idle one is closed. Default: 4096.
    pub max_connections: usize,
    /// The connections of one address at a time; loopback addresses have no bound of their own.
    /// Default: 256.
    pub max_connections_per_address: usize,
    /// The description of this instance that the dashboard shows.
    pub dashboard: DashboardConfig,
}

/// The settings of the dashboard, so that operators see which instance they act on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DashboardConfig {
    /// The name of the instance, as in `production`. Default: none.
    pub instance: Option<String>,
    /// The hue of the dashboard's colour, in degrees of the colour wheel. Default: a blue.
    pub hue: Option<u16>,
    /// The address of a trace; `{traceId}` in it is replaced. Default: none.
    pub trace_link: Option<String>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            token_file: None,
            trusted_network: false,
            hosts: Vec::new(),
            cors_origins: Vec::new(),
            sign_in_for: Duration::from_secs(12 * 3_600),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(25),
            max_connections: 4_096,
            max_connections_per_address: 256,
            dashboard: DashboardConfig::default(),
        }
    }
}
