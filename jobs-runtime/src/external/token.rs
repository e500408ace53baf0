//! The tokens of leases: a fence and a secret, as text.
//!
//! A token is opaque to workers. It names the lease, so any server finds it in the store. The
//! secret has 128 random bits and belongs to the session of the worker. The store keeps its digest
//! only, so a reader of the database cannot make a token.

use std::fmt::Write;

use jobs::ExecutionId;
use sha2::{Digest, Sha256};

use crate::store::{Fence, SessionId, StoreError};

/// The secret of a session.
#[derive(Clone, Copy)]
pub(super) struct Secret([u8; 16]);

impl Secret {
    /// Draws a secret from the operating system.
    ///
    /// # Errors
    /// The operating system has no random numbers.
    pub(super) fn draw() -> Result<Self, StoreError> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| StoreError::Unavailable {
            location: "the operating system".to_owned(),
            reason: format!("it gives no random numbers: {error}"),
        })?;
        Ok(Self(bytes))
    }

    /// The digest that the store keeps.
    pub(super) fn digest(&self) -> String {
        hex(&Sha256::digest(self.0))
    }
}

/// A token, read.
#[derive(Clone, Copy)]
pub(super) struct LeaseToken {
    pub(super) fence: Fence,
    pub(super) execution: ExecutionId,
    pub(super) secret: Secret,
}

/// The length of a token in bytes, before it becomes text.
const BYTES: usize = 60;

impl LeaseToken {
    /// Returns the token as text.
    pub(super) fn to_text(self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend(self.fence.session.0.to_be_bytes());
        bytes.extend(self.fence.claim.to_be_bytes());
        bytes.extend(self.fence.row.to_be_bytes());
        bytes.extend(self.fence.attempt.to_be_bytes());
        bytes.extend(self.execution.as_bytes());
        bytes.extend(self.secret.0);
        hex(&bytes)
    }

    /// Reads a token; `None` if the text is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = unhex(text).filter(|bytes| bytes.len() == BYTES)?;
        let long = |from: usize| Some(i64::from_be_bytes(bytes[from..from + 8].try_into().ok()?));
        Some(Self {
            fence: Fence {
                session: SessionId(long(0)?),
                claim: long(8)?,
                row: long(16)?,
                attempt: u32::from_be_bytes(bytes[24..28].try_into().ok()?),
            },
            execution: ExecutionId::from_bytes(bytes[28..44].try_into().ok()?),
            secret: Secret(bytes[44..60].try_into().ok()?),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_a_round_trip_and_other_texts_are_none() {
        let token = LeaseToken {
            fence: Fence {
                session: SessionId(-7),
                claim: 3,
                row: i64::MAX,
                attempt: 2,
            },
            execution: ExecutionId::from_bytes([9; 16]),
            secret: Secret([5; 16]),
        };
        let text = token.to_text();
        let read = LeaseToken::read(&text).expect("a token");
        assert_eq!((read.fence, read.execution), (token.fence, token.execution));
        assert_eq!(read.secret.digest(), token.secret.digest());
        for wrong in [
            "",
            "x",
            "zz",
            &text[2..],
            &format!("{text}00"),
            "é".repeat(60).as_str(),
        ] {
            assert!(LeaseToken::read(wrong).is_none(), "{wrong}");
        }
    }
}
