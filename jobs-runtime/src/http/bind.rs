//! The check of the listen address: callers on other machines need a token.

use std::net::SocketAddr;

/// An address on which the interface would be open to other machines.
#[derive(Debug, thiserror::Error)]
#[error(
    "refusing to listen on {0}: every client that reaches this address could run jobs, and the \
     store has no token. Create one with `token create --role admin`, or name a file for it with \
     the setting `token_file`; or listen on 127.0.0.1. If every program of the network may do \
     everything, set `trusted_network = true`"
)]
pub struct BindError(SocketAddr);

/// Accepts loopback addresses. Accepts every other address if the callers need a token.
///
/// # Errors
/// Another address, and the store has no token.
pub fn check_bind(address: SocketAddr, has_tokens: bool) -> Result<(), BindError> {
    if has_tokens || is_loopback(address) {
        Ok(())
    } else {
        Err(BindError(address))
    }
}

/// Returns whether only programs of this machine reach the address.
pub(crate) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::check_bind;

    #[test]
    fn accepts_loopback_addresses_only_unless_there_are_tokens() {
        let check = |address: &str, accepted: bool| {
            let address = address.parse().expect("an address");
            assert_eq!(check_bind(address, false).is_ok(), accepted, "{address}");
            assert!(check_bind(address, true).is_ok(), "{address}");
        };
        check("127.0.0.1:8091", true);
        check("[::1]:8091", true);
        check("[::ffff:127.0.0.1]:8091", true);
        check("0.0.0.0:8091", false);
        check("[::]:8091", false);
        check("192.168.1.7:8091", false);
    }
}
