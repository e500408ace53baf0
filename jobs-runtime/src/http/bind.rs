//! The check of the listen address: loopback only.

use std::net::SocketAddr;

/// An address that is not a loopback address.
#[derive(Debug, thiserror::Error)]
#[error(
    "refusing to listen on {0}: every client that reaches this address could run jobs, and access \
     by token is not available yet; listen on 127.0.0.1 or [::1], behind a proxy that authenticates"
)]
pub struct BindError(SocketAddr);

/// Accepts loopback addresses only.
///
/// # Errors
/// Any other address.
pub fn check_bind(address: SocketAddr) -> Result<(), BindError> {
    if address.ip().to_canonical().is_loopback() {
        Ok(())
    } else {
        Err(BindError(address))
    }
}

#[cfg(test)]
mod tests {
    use super::check_bind;

    #[test]
    fn accepts_loopback_addresses_only() {
        let check = |address: &str, accepted: bool| {
            let address = address.parse().expect("an address");
            assert_eq!(check_bind(address).is_ok(), accepted, "{address}");
        };
        check("127.0.0.1:8091", true);
        check("[::1]:8091", true);
        check("[::ffff:127.0.0.1]:8091", true);
        check("0.0.0.0:8091", false);
        check("[::]:8091", false);
        check("192.168.1.7:8091", false);
    }
}
