//! The settings of a broker.

use super::Entries;
use crate::cli::failure::Failure;

/// The messages that a consumer holds for each broker queue.
#[cfg(feature = "rabbitmq")]
const PREFETCH: std::ops::RangeInclusive<u16> = 1..=10_000;

/// Reads the settings of the broker; `None` without a URL. `config` then shows the URL without its
/// password.
#[cfg(feature = "rabbitmq")]
pub(super) fn read(entries: &mut Entries) -> Result<Option<crate::BrokerConfig>, Failure> {
    let text = |text: &str| Ok::<_, String>(text.to_owned());
    let url = entries.read("broker", text)?;
    let prefix = entries.read("broker_prefix", text)?;
    let password = entries.read("broker_password_file", read_password)?;
    let prefetch = entries.read("broker_prefetch", |text| {
        super::values::parse_number(text, &PREFETCH)
    })?;
    if url.is_empty() {
        return Ok(None);
    }
    let mut broker = entries.read("broker", crate::BrokerConfig::new)?;
    if let Some(password) = password {
        broker = broker.password(password);
    }
    let broker = broker.prefetch(prefetch);
    let broker = entries.read("broker_prefix", |_| broker.prefix(prefix))?;
    entries.show("broker", broker.to_string());
    Ok(Some(broker))
}

/// Reads the password in a file; `None` without a file.
#[cfg(feature = "rabbitmq")]
fn read_password(path: &str) -> Result<Option<String>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot read it: {error}"))?;
    // Editors end the last line; a password has no line break.
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// Rejects a broker: this program was built without the feature `rabbitmq`.
#[cfg(not(feature = "rabbitmq"))]
pub(super) fn reject(entries: &Entries) -> Result<(), Failure> {
    entries.read("broker", |url| match url {
        "" => Ok(()),
        _ => Err("this program was built without the feature `rabbitmq` of `jobs-runtime`"),
    })
}
