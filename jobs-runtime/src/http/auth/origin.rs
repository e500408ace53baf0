//! The rules for the headers `Host` and `Origin`.
//!
//! A web page can bind its own name to the address of the interface and send requests there (DNS
//! rebinding). Where no token is asked for, `Host` must therefore name this machine, or be an
//! address: a page cannot rebind an address. Where a token is asked for, such a page has none.
//!
//! `Origin` must name the interface itself. So pages of other sites cannot act with the cookie of a
//! sign-in, nor on an interface that asks for no token.

use axum::http::{HeaderMap, HeaderValue, Uri, header};

use super::Exposure;
use crate::http::config::HttpConfig;
use crate::http::response::problem::{Code, Problem};

/// Rejects a request whose `Host` may have been rebound. `open` says that no token is asked for.
pub(super) fn check_host(
    config: &HttpConfig,
    exposure: Exposure,
    open: bool,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    if exposure == Exposure::Mounted || (!open && config.hosts.is_empty()) {
        return Ok(());
    }
    let is_known = |authority: &str| {
        let Some(host) = host_of(authority) else {
            return false;
        };
        let listed = config
            .hosts
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host));
        listed || is_loopback_name(host) || (exposure == Exposure::Network && is_address(host))
    };
    let mut names = headers.get_all(header::HOST).iter().map(text);
    // The host of a request target in absolute form takes precedence over the header, so both are
    // checked.
    let target = uri.authority().map(|authority| authority.as_str());
    if let (Some(Some(host)), None) = (names.next(), names.next())
        && [Some(host), target].into_iter().flatten().all(is_known)
    {
        return Ok(());
    }
    let names: String = config
        .hosts
        .iter()
        .map(|host| format!(", {host}"))
        .collect();
    let addresses = if exposure == Exposure::Network {
        " and addresses"
    } else {
        ""
    };
    Err(Problem::new(
        Code::HostNotAllowed,
        format!(
            "the interface accepts only the hosts localhost, 127.0.0.1, [::1]{names}{addresses}; \
             the setting `hosts` adds names"
        ),
    ))
}

/// Rejects a request of a page of another site.
pub(super) fn check_origin(
    config: &HttpConfig,
    open: bool,
    headers: &HeaderMap,
) -> Result<(), Problem> {
    let is_allowed = |origin: &HeaderValue| {
        text(origin).is_some_and(|origin| {
            is_cors_origin(config, origin)
                || is_own_origin(config, headers, origin)
                || (open && authority_of(origin).is_some_and(is_loopback_authority))
        })
    };
    if headers.get_all(header::ORIGIN).iter().all(is_allowed) {
        Ok(())
    } else {
        Err(rejection())
    }
}

/// Rejects a change by a cookie unless its page is one of the interface. Browsers send `Origin`
/// with every change.
pub(super) fn check_own_origin(config: &HttpConfig, headers: &HeaderMap) -> Result<(), Problem> {
    let mut origins = headers.get_all(header::ORIGIN).iter().map(text);
    match (origins.next(), origins.next()) {
        (Some(Some(origin)), None) if is_own_origin(config, headers, origin) => Ok(()),
        _ => Err(rejection()),
    }
}

/// Returns whether pages of this origin may read answers.
pub(super) fn is_cors_origin(config: &HttpConfig, origin: &str) -> bool {
    config.cors_origins.iter().any(|allowed| allowed == origin)
}

fn rejection() -> Problem {
    Problem::new(
        Code::OriginNotAllowed,
        "pages of other sites may not use this interface; the setting `cors_origins` allows one",
    )
}

/// Returns whether the origin names the interface: as `Host` does, or by a name of the settings.
fn is_own_origin(config: &HttpConfig, headers: &HeaderMap, origin: &str) -> bool {
    let Some(authority) = authority_of(origin) else {
        return false;
    };
    let listed = host_of(authority).is_some_and(|host| {
        config
            .hosts
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    });
    let default_port = if origin.starts_with("https:") {
        ":443"
    } else {
        ":80"
    };
    let with_port = |authority: &str| {
        let port = host_of(authority).is_some_and(|host| authority.ends_with(host));
        let bare = port || authority.ends_with(']');
        let suffix = if bare { default_port } else { "" };
        format!("{authority}{suffix}").to_ascii_lowercase()
    };
    let host = headers.get(header::HOST).and_then(text);
    listed || host.is_some_and(|host| with_port(host) == with_port(authority))
}

fn authority_of(origin: &str) -> Option<&str> {
    origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"))
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// The host of `host` or `host:port`; an IPv6 address without its brackets.
fn host_of(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            let port = if port.is_empty() {
                Some("0")
            } else {
                port.strip_prefix(':')
            };
            (host, port?)
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    let is_port = !port.is_empty() && port.bytes().all(|c| c.is_ascii_digit());
    let is_v6 = authority.starts_with('[');
    (is_port && port.parse::<u16>().is_ok() && !host.is_empty() && is_v6 == host.contains(':'))
        .then_some(host)
}

fn is_loopback_authority(authority: &str) -> bool {
    host_of(authority).is_some_and(is_loopback_name)
}

fn is_loopback_name(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.to_canonical().is_loopback())
}

fn is_address(host: &str) -> bool {
    host.parse::<std::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_only_names_of_this_machine() {
        let check = |authority: &str, accepted: bool| {
            assert_eq!(is_loopback_authority(authority), accepted, "{authority}");
        };
        check("localhost", true);
        check("localhost:8091", true);
        check("LOCALHOST:1", true);
        check("127.0.0.1:8091", true);
        check("[::1]", true);
        check("[::1]:8091", true);
        check("127.0.0.2:8091", true);
        check("[::ffff:127.0.0.1]:8091", true);
        check("[::ffff:10.0.0.1]:8091", false);
        check("10.0.0.1", false);
        check("localhost.evil.example", false);
        check("evil.example:8091", false);
        check("localhost:8091@evil.example", false);
        check("localhost:", false);
        check("[::1]evil", false);
        check("::1", false);
        check("127.0.0.1.nip.io", false);
        check("", false);
    }

    #[test]
    fn a_host_that_may_have_been_rebound_is_refused_without_tokens() {
        let check = |hosts: &[&str], exposure, open, host: &'static str| {
            let config = HttpConfig {
                hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
                ..HttpConfig::default()
            };
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            check_host(&config, exposure, open, &Uri::from_static("/"), &headers).is_ok()
        };
        let listed = ["jobs.example"];
        assert!(!check(&[], Exposure::Loopback, true, "10.0.0.1:80"));
        assert!(check(&[], Exposure::Network, true, "10.0.0.1:80"));
        assert!(check(&[], Exposure::Network, true, "[fd00::1]:80"));
        assert!(!check(&[], Exposure::Network, true, "evil.example"));
        assert!(check(&listed, Exposure::Network, true, "JOBS.example:443"));
        assert!(!check(&listed, Exposure::Network, false, "evil.example"));
        assert!(check(&[], Exposure::Network, false, "evil.example"));
        assert!(check(&[], Exposure::Mounted, false, "evil.example"));
    }

    #[test]
    fn an_origin_is_the_interface_itself_by_its_host_and_port() {
        let check = |host: &'static str, origin: &str| {
            let config = HttpConfig {
                hosts: vec!["public.example".to_owned()],
                ..HttpConfig::default()
            };
            let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static(host))]);
            is_own_origin(&config, &headers, origin)
        };
        assert!(check("localhost:8091", "http://localhost:8091"));
        assert!(check("jobs.example", "https://jobs.example"));
        assert!(check("jobs.example:443", "https://JOBS.example"));
        assert!(check("[::1]:80", "http://[::1]"));
        assert!(check("127.0.0.1:8091", "https://public.example"));
        assert!(!check("localhost:8091", "http://localhost:3000"));
        assert!(!check("localhost:8091", "http://localhost"));
        assert!(!check("jobs.example", "https://jobs.example:8443"));
        assert!(!check("jobs.example", "null"));
        assert!(!check("jobs.example", "https://evil.example"));
    }
}
