//! The URL of a PostgreSQL store.

use std::fmt;

/// The URL of a PostgreSQL store: `postgres://user:password@host:port/database?options`.
///
/// The options of the store:
///
/// * `schema=jobs`: the schema of all tables. The default is `jobs`.
/// * `pgbouncer=true`: the address is a pooler in transaction mode. Each call is then one
///   transaction, and no statement is prepared on the server.
/// * `listen=postgres://…`: an address for notifications, percent-encoded, that bypasses the
///   pooler. Without it, a store behind a pooler polls for changes of other processes twice a
///   second.
///
/// Other options go to the driver: `sslmode`, `host` for the directory of a socket,
/// `application_name`, … An option that the driver does not know is rejected.
///
/// `Display` and `Debug` show no password.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl {
    /// The URL for the driver: without the options above, with the password.
    connection: String,
    schema: String,
    pgbouncer: bool,
    listen: Option<String>,
}

/// The options of the store.
const STORE_OPTIONS: [&str; 3] = ["schema", "pgbouncer", "listen"];

/// The options of the driver. It logs others with their values, and ignores them.
const DRIVER_OPTIONS: [&str; 17] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "ssl-root-cert",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// The default schema.
const SCHEMA: &str = "jobs";

/// The largest length of a schema's name in bytes. The name of the notification channel contains
/// the schema, and PostgreSQL truncates names to 63 bytes.
const NAME_BYTES: usize = 57;

impl PostgresUrl {
    /// Returns `true` if a URL has the scheme of PostgreSQL, valid or not.
    pub(super) fn has_scheme(url: &str) -> bool {
        url.starts_with("postgres:") || url.starts_with("postgresql:")
    }

    /// Parses a URL. The error is the reason why it is invalid.
    pub(super) fn parse(url: &str) -> Result<Self, String> {
        if cfg!(not(feature = "postgres")) {
            return Err(
                "this program was built without the PostgreSQL store: enable the feature \
                        `postgres` of jobs-runtime"
                    .to_owned(),
            );
        }
        if !url.contains("://") {
            return Err("write postgres://USER@HOST/DATABASE".to_owned());
        }
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut read = Self {
            connection: address.to_owned(),
            schema: SCHEMA.to_owned(),
            pgbouncer: false,
            listen: None,
        };
        let mut rest = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("schema", name)) => read.schema = schema(&decoded(name)?)?,
                Some(("pgbouncer", "true")) => read.pgbouncer = true,
                Some(("pgbouncer", "false")) => read.pgbouncer = false,
                Some(("pgbouncer", _)) => return Err("pgbouncer is true or false".to_owned()),
                Some(("listen", direct)) => {
                    let direct = decoded(direct)
                        .map_err(|_| "the value of listen is not percent-encoded".to_owned())?;
                    if !Self::has_scheme(&direct) {
                        return Err("listen takes a postgres:// URL, percent-encoded".to_owned());
                    }
                    read.listen = Some(direct);
                }
                Some((key, value)) if is_known(key) => {
                    check_value(key, value)?;
                    rest.push(option);
                }
                Some((key, _)) => return Err(unknown(key)),
                None => return Err(unknown(option)),
            }
        }
        if !rest.is_empty() {
            read.connection = format!("{address}?{}", rest.join("&"));
        }
        Ok(read)
    }

    /// Returns the schema of all tables.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Returns the same URL with another schema.
    #[cfg(feature = "cli")]
    pub(crate) fn in_schema(&self, schema: String) -> Self {
        Self {
            schema,
            ..self.clone()
        }
    }

    /// Returns `true` if the address is a pooler in transaction mode.
    pub fn is_pooled(&self) -> bool {
        self.pgbouncer
    }

    /// Returns the URL that the driver connects to, with the password.
    #[cfg(feature = "postgres")]
    pub(crate) fn connection(&self) -> &str {
        &self.connection
    }

    /// Returns the URL on which the driver listens, or `None` if notifications are not available.
    #[cfg(feature = "postgres")]
    pub(crate) fn listening(&self) -> Option<&str> {
        match &self.listen {
            Some(direct) => Some(direct),
            None => (!self.pgbouncer).then_some(&self.connection),
        }
    }
}

/// The values of `sslmode`.
const SSL_MODES: [&str; 6] = [
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
];

/// Rejects values that the driver would not tell apart from a URL that cannot be read.
fn check_value(key: &str, value: &str) -> Result<(), String> {
    match key {
        "sslmode" | "ssl-mode" if !SSL_MODES.iter().any(|it| value.eq_ignore_ascii_case(it)) => {
            Err(format!("{key} is one of {}", SSL_MODES.join(", ")))
        }
        "port" if value.parse::<u16>().is_err() => {
            Err("port is a number from 0 to 65535".to_owned())
        }
        _ => Ok(()),
    }
}

/// True for the options that the driver reads.
fn is_known(key: &str) -> bool {
    DRIVER_OPTIONS.contains(&key) || (key.starts_with("options[") && key.ends_with(']'))
}

/// The reason for the rejection of an option. It shows no value, which may be a secret. A password
/// with a `?` looks like an option with other characters than names have.
fn unknown(key: &str) -> String {
    if !key
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-[]".contains(c))
    {
        return "special characters have to be percent-encoded, a `?` of a password as %3F".into();
    }
    let known = || STORE_OPTIONS.into_iter().chain(DRIVER_OPTIONS);
    if known().any(|known| known == key) {
        return format!("the option `{key}` has no value");
    }
    let meant = jobs_grammar::suggestion::did_you_mean(key, known());
    format!("there is no option `{key}`{meant}")
}

/// Accepts a name that needs no quotes in SQL, in a channel's name and in a message.
fn schema(name: &str) -> Result<String, String> {
    let mut chars = name.chars();
    let begins = chars
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c == '_');
    let goes_on = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !begins || !goes_on || name.len() > NAME_BYTES {
        return Err(format!(
            "`{name}` is not a valid schema: use small letters, digits and _, at most {NAME_BYTES}"
        ));
    }
    if name.starts_with("pg_") || name == "information_schema" {
        return Err(format!("the schema `{name}` belongs to PostgreSQL"));
    }
    Ok(name.to_owned())
}

/// Decodes percent-encoded text: `%2F` is `/`.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` is not percent-encoded");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || {
                    let digit = rest.next().map(char::from)?.to_digit(16)?;
                    u8::try_from(digit).ok()
                };
                let (high, low) = (digit().ok_or_else(wrong)?, digit().ok_or_else(wrong)?);
                high << 4 | low
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.connection.split('?').next().unwrap_or_default();
        let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
        let shown = match rest.rsplit_once('@') {
            Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
            // The `?` is an unescaped character of the password; the part before it is hidden.
            None if self.connection.contains('@') => {
                rest.split(':').next().unwrap_or_default().to_owned()
            }
            None => rest.to_owned(),
        };
        write!(f, "{scheme}://{shown}")?;
        match self.schema.as_str() {
            SCHEMA => Ok(()),
            schema => write!(f, "?schema={schema}"),
        }
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresUrl")
            .field("url", &self.to_string())
            .field("pgbouncer", &self.pgbouncer)
            .field("listen", &self.listen.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_store_are_separated_from_those_of_the_driver() {
        let url = PostgresUrl::parse(
            "postgres://u:pw@h:5433/db?schema=s_1&sslmode=disable&pgbouncer=true\
             &listen=postgres%3A%2F%2Fu%3Apw%40h%2Fdb",
        )
        .expect("valid");
        assert_eq!(
            url.connection(),
            "postgres://u:pw@h:5433/db?sslmode=disable"
        );
        assert_eq!(url.listening(), Some("postgres://u:pw@h/db"));
        assert_eq!(url.schema(), "s_1");
        assert_eq!(url.to_string(), "postgres://u@h:5433/db?schema=s_1");
        assert!(!format!("{url:?}").contains("pw"));
    }

    #[test]
    fn values_that_the_driver_cannot_read_are_rejected() {
        let reason = |options: &str| PostgresUrl::parse(&format!("postgres://u@h/db?{options}"));
        let rejected = reason("sslmode=bogus").expect_err("no mode");
        assert!(rejected.contains("sslmode is one of disable"), "{rejected}");
        let rejected = reason("port=x").expect_err("no port");
        assert!(rejected.contains("port is a number"), "{rejected}");
        assert!(reason("sslmode=Verify-Full&port=5433").is_ok());
    }

    #[test]
    fn a_password_with_a_question_mark_is_rejected_and_hidden() {
        for url in ["postgres://u:sec?ret@h/db", "postgres://u:sec@ret?x@h/db"] {
            let reason = PostgresUrl::parse(url).expect_err("no options");
            assert!(reason.contains("%3F"), "{reason}");
            assert!(
                !reason.contains("sec") && !reason.contains("ret"),
                "{reason}"
            );
        }
    }

    #[test]
    fn a_store_behind_a_pooler_listens_only_on_its_own_address() {
        let listening = |url| {
            let url = PostgresUrl::parse(url).expect("valid");
            url.listening().map(str::to_owned)
        };
        assert_eq!(listening("postgres://h/db?pgbouncer=true"), None);
        assert_eq!(
            listening("postgres://h/db"),
            Some("postgres://h/db".to_owned())
        );
    }

    #[test]
    fn errors_name_the_remedy() {
        for (url, part) in [
            ("postgres:h/db", "postgres://USER"),
            ("postgres://h/db?schema=Jobs", "small letters"),
            ("postgres://h/db?schema=a%22b", "small letters"),
            ("postgres://h/db?schema=pg_x", "belongs to PostgreSQL"),
            ("postgres://h/db?pgbouncer=1", "true or false"),
            ("postgres://h/db?listen=h", "listen takes"),
            (
                "postgres://h/db?listen=%zz",
                "listen is not percent-encoded",
            ),
            ("postgres://h/db?sslmod=require", "did you mean `sslmode`?"),
            ("postgres://h/db?shema=jobs", "did you mean `schema`?"),
            ("postgres://h/db?sslmode", "has no value"),
            ("postgres://h/db?schema=%zz", "percent-encoded"),
        ] {
            let reason = PostgresUrl::parse(url).expect_err(url);
            assert!(reason.contains(part), "{url}: {reason}");
        }
    }
}
