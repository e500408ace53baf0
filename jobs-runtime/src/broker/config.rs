//! Settings of a broker: URL, credentials, prefix, prefetch.

use std::fmt;

use lapin::uri::{AMQPScheme, AMQPUri};

/// The interval of heartbeats, in seconds. A connection without one for twice as long is lost.
const HEARTBEAT: u16 = 10;

/// The most messages that a consumer holds for each broker queue.
const DEFAULT_PREFETCH: u16 = 100;

/// The longest prefix. Names in AMQP have at most 255 bytes.
const MAX_PREFIX: usize = 60;

/// The settings of dispatch through RabbitMQ.
///
/// ```
/// use jobs_runtime::BrokerConfig;
///
/// let broker = BrokerConfig::new("amqp://worker:secret@rabbit.example/%2f")?.prefix("staging")?;
/// assert_eq!(broker.to_string(), "amqp://worker:***@rabbit.example:5672/%2f");
/// # Ok::<(), jobs_runtime::ParseBrokerUrlError>(())
/// ```
#[derive(Clone)]
pub struct BrokerConfig {
    pub(super) uri: AMQPUri,
    pub(super) prefix: String,
    pub(super) prefetch: u16,
}

impl BrokerConfig {
    /// Reads a URL: `amqp://USER:PASSWORD@HOST:PORT/VHOST`, or `amqps://…` for TLS.
    ///
    /// # Errors
    /// The URL is invalid, or asks for TLS without the feature `rabbitmq-tls`.
    pub fn new(url: &str) -> Result<Self, ParseBrokerUrlError> {
        // The driver's reason shows the URL, and so the password.
        let parsed = url.parse::<AMQPUri>();
        let mut uri = parsed
            .map_err(|_| ParseBrokerUrlError("this text is no URL of a broker".to_owned()))?;
        if uri.scheme == AMQPScheme::AMQPS && !cfg!(feature = "rabbitmq-tls") {
            return Err(ParseBrokerUrlError(
                "`amqps` needs the feature `rabbitmq-tls` of `jobs-runtime`".to_owned(),
            ));
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(Self {
            uri,
            prefix: String::new(),
            prefetch: DEFAULT_PREFETCH,
        })
    }

    /// Sets the password, in place of the one in the URL.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.uri.authority.userinfo.password = password.into();
        self
    }

    /// Sets a prefix of all exchanges and broker queues. Two stores that share a virtual host need
    /// different ones. Default: none.
    ///
    /// # Errors
    /// The prefix is longer than 60 bytes, or has other characters than letters, digits, `-`, `_`
    /// and `.`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Result<Self, ParseBrokerUrlError> {
        let prefix = prefix.into();
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if prefix.len() > MAX_PREFIX || !prefix.chars().all(is_allowed) {
            return Err(ParseBrokerUrlError(format!(
                "a prefix has up to {MAX_PREFIX} letters, digits, `-`, `_` and `.`"
            )));
        }
        self.prefix = prefix;
        Ok(self)
    }

    /// Sets the number of messages that a consumer holds at most for each broker queue. They wait
    /// for a free slot of this worker, for a minute at most. Default: 100.
    #[must_use]
    pub fn prefetch(mut self, messages: u16) -> Self {
        self.prefetch = messages.max(1);
        self
    }
}

/// Shows the URL without its password.
impl fmt::Display for BrokerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.uri.scheme {
            AMQPScheme::AMQP => "amqp",
            AMQPScheme::AMQPS => "amqps",
        };
        let authority = &self.uri.authority;
        let user = &authority.userinfo.username;
        let (host, port) = (&authority.host, authority.port);
        let vhost = self.uri.vhost.replace('%', "%25").replace('/', "%2f");
        write!(f, "{scheme}://{user}:***@{host}:{port}/{vhost}")
    }
}

impl fmt::Debug for BrokerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BrokerConfig")
            .field("url", &self.to_string())
            .field("prefix", &self.prefix)
            .field("prefetch", &self.prefetch)
            .finish()
    }
}

/// The reason why a setting of the broker is invalid. It never shows the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; a URL has the form `amqp://USER:PASSWORD@HOST:PORT/VHOST`")]
pub struct ParseBrokerUrlError(String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let config = BrokerConfig::new("amqp://u:s3cret@h:5673/v%2fw").expect("a URL");
        assert_eq!(config.to_string(), "amqp://u:***@h:5673/v%2fw");
        let shown = format!("{config:?} {config}");
        assert!(!shown.contains("s3cret"), "{shown}");
        let config = config.password("other");
        assert_eq!(config.uri.authority.userinfo.password, "other");
        for invalid in ["http://u:s3cret@h", "u:s3cret@h", "amqp://u:s3cret@h:x/"] {
            let error = BrokerConfig::new(invalid).expect_err(invalid).to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn prefixes_have_few_characters() {
        let config = || BrokerConfig::new("amqp://h/%2f").expect("a URL");
        assert!(config().prefix("eu-west.staging_2").is_ok());
        for invalid in ["a b", "ä", "a:b", &"x".repeat(61)] {
            assert!(config().prefix(invalid).is_err(), "{invalid}");
        }
    }
}
