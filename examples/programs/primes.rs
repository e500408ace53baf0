//! A program of its own: the primes below a limit. `{"limit": 30}` → `{"primes": 10}`

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;

use serde_json::Value;

fn main() -> ExitCode {
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line).is_ok();
    let input: Value = serde_json::from_str(&line).unwrap_or_default();
    let Some(limit) = input["limit"].as_u64().filter(|_| read) else {
        eprintln!("no limit");
        return ExitCode::from(65);
    };
    eprintln!("progress 50 sieving");
    let is_prime = |n: &u64| {
        (2..)
            .take_while(|d| d * d <= *n)
            .all(|d| !n.is_multiple_of(d))
    };
    let primes = (2..limit).filter(is_prime).count();
    println!("{{\"primes\": {primes}}}");
    ExitCode::SUCCESS
}
