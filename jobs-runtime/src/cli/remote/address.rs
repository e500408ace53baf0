//! The URL of a server: `http://HOST:PORT`, or `https://HOST` with a prefix.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;

/// The address of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) struct ServerAddress {
    pub(super) is_encrypted: bool,
    /// A name or an address; an IPv6 address without its brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The host with the port as the URL has them.
    pub(super) authority: String,
    /// The path under which the interface is mounted, without a slash at its end.
    pub(super) prefix: String,
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A text with a password is not quoted.
        let shown = if text.contains('@') { "the text" } else { text };
        let invalid = || {
            format!(
                "`{shown}` is not the address of a server: write http://HOST:PORT or \
                 https://HOST:PORT"
            )
        };
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(invalid());
        };
        let is_encrypted = match scheme {
            "http" => false,
            "https" => true,
            _ => return Err(invalid()),
        };
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(invalid());
        }
        let default_port = if is_encrypted { 443 } else { 80 };
        let host = authority.host();
        let host = host.strip_prefix('[').unwrap_or(host);
        Ok(Self {
            is_encrypted,
            host: host.strip_suffix(']').unwrap_or(host).to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority: authority.as_str().to_owned(),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl ServerAddress {
    /// Returns whether a token would travel unencrypted between two machines.
    pub(in crate::cli) fn exposes_tokens(&self) -> bool {
        let ip = self.host.parse::<std::net::IpAddr>();
        let is_here = self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
        !self.is_encrypted && !is_here
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_scheme_a_host_and_perhaps_a_prefix() {
        let check = |text: &str, host: &str, port: u16, prefix: &str| {
            let address: ServerAddress = text.parse().expect(text);
            let found = (&*address.host, address.port, &*address.prefix);
            assert_eq!(found, (host, port, prefix), "{text}");
            assert_eq!(address.to_string(), text.trim_end_matches('/'));
        };
        check("http://localhost:8091", "localhost", 8091, "");
        check("https://jobs.example/", "jobs.example", 443, "");
        check("http://[::1]:80/apps/jobs/", "::1", 80, "/apps/jobs");
        for wrong in [
            "jobs.example",
            "jobs.example:8091",
            "ftp://jobs.example",
            "http://",
            "https://h/?q=1",
            "/jobs",
            "",
        ] {
            assert!(wrong.parse::<ServerAddress>().is_err(), "{wrong}");
        }
        let error = "https://u:secret@h".parse::<ServerAddress>();
        assert!(!error.expect_err("a password").contains("secret"));
    }

    #[test]
    fn a_token_is_exposed_by_plain_http_to_another_machine() {
        let check = |text: &str, exposes: bool| {
            let address: ServerAddress = text.parse().expect(text);
            assert_eq!(address.exposes_tokens(), exposes, "{text}");
        };
        check("http://localhost:8091", false);
        check("http://[::1]:8091", false);
        check("https://jobs.example", false);
        check("http://jobs.example", true);
        check("http://192.0.2.7", true);
    }
}
