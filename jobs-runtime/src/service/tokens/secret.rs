//! The text of an access token: `jobs_ID.SECRET`, in hexadecimal digits.
//!
//! ```text
//! jobs_9f3a1c0b7d2e.<64 digits of the secret><8 digits of the checksum>
//! ```
//!
//! Programs that search for leaked secrets recognise the prefix. By the checksum, a mistyped or
//! truncated token is found without a query. The secret is 256 bits of the operating system; the
//! store keeps its SHA-256 only.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

const PREFIX: &str = "jobs_";

const ID_BYTES: usize = 6;
const SECRET_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

/// A token as its bearer has it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret {
    id: [u8; ID_BYTES],
    secret: [u8; SECRET_BYTES],
}

impl Secret {
    /// Makes a new token.
    ///
    /// # Errors
    /// The operating system gives no random bytes.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut new = Self {
            id: [0; ID_BYTES],
            secret: [0; SECRET_BYTES],
        };
        getrandom::fill(&mut new.id)?;
        getrandom::fill(&mut new.secret)?;
        Ok(new)
    }

    /// Reads a token. `None` if the text has another form or another checksum.
    #[cfg(any(feature = "http", test))]
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('.')?;
        if !rest.is_ascii() || rest.len() != 2 * (SECRET_BYTES + CHECKSUM_BYTES) {
            return None;
        }
        let (secret, checksum) = rest.split_at(2 * SECRET_BYTES);
        let read = Self {
            id: from_hex(id)?,
            secret: from_hex(secret)?,
        };
        (from_hex(checksum)? == read.checksum()).then_some(read)
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> String {
        let secret = to_hex(&self.secret);
        format!("{PREFIX}{}.{secret}{}", self.id(), to_hex(&self.checksum()))
    }

    /// Returns the public part, by which the store finds the token.
    pub(crate) fn id(&self) -> String {
        to_hex(&self.id)
    }

    /// Returns what the store keeps of the secret.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }

    fn checksum(&self) -> [u8; CHECKSUM_BYTES] {
        let mut digest = Sha256::new();
        digest.update(PREFIX);
        digest.update(self.id);
        digest.update(self.secret);
        let digest: [u8; 32] = digest.finalize().into();
        std::array::from_fn(|place| digest[place])
    }
}

/// Compares two hashes. Reads every byte of both, wherever they differ.
#[cfg(any(feature = "http", test))]
pub(crate) fn is_equal(one: &[u8; 32], other: &[u8; 32]) -> bool {
    difference(one.iter().copied(), other.iter().copied()) == 0
}

/// The bits in which two sequences differ, of all their bytes together.
#[cfg(any(feature = "http", test))]
fn difference(one: impl Iterator<Item = u8>, other: impl Iterator<Item = u8>) -> u8 {
    // The compiler must not end the loop at the first difference.
    one.zip(other)
        .fold(0, |bits, (a, b)| std::hint::black_box(bits | (a ^ b)))
}

fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads exactly `N` bytes in small hexadecimal digits.
#[cfg(any(feature = "http", test))]
fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    let text = text.as_bytes();
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let token = Secret::generate().expect("random bytes");
        let text = token.text();
        assert_eq!(text.len(), 90, "{text}");
        assert!(Secret::parse(&text) == Some(token.clone()));
        assert!(text.starts_with(&format!("jobs_{}.", token.id())), "{text}");
        assert!(Secret::generate().expect("random bytes") != token);
    }

    #[test]
    fn truncated_and_changed_tokens_are_recognised() {
        let text = Secret::generate().expect("random bytes").text();
        for end in 0..text.len() {
            assert!(Secret::parse(&text[..end]).is_none(), "{end} characters");
        }
        for place in 0..text.len() {
            for digit in ["0", "1", "x", "A", "é"] {
                let mut changed = text.clone();
                changed.replace_range(place..=place, digit);
                assert!(
                    changed == text || Secret::parse(&changed).is_none(),
                    "{place}"
                );
            }
        }
        assert!(Secret::parse(&format!("{text}0")).is_none());
        assert!(Secret::parse(&format!(" {text}")).is_none());
    }

    /// Counts the bytes that a comparison reads.
    #[test]
    fn a_comparison_reads_every_byte_wherever_the_hashes_differ() {
        let hash = Secret::generate().expect("random bytes").hash();
        for place in 0..=hash.len() {
            let mut other = hash;
            if let Some(byte) = other.get_mut(place) {
                *byte ^= 1;
            }
            let read = Cell::new(0);
            let counted = other.iter().copied().inspect(|_| read.set(read.get() + 1));
            let differs = difference(hash.iter().copied(), counted) != 0;
            assert_eq!(differs, place < hash.len());
            assert_eq!(read.get(), 32, "a difference at {place}");
        }
    }
}
