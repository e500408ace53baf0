//! The words of the project: a check of every text that a reader meets.
//!
//! `docs/glossary.md` defines the terms; `retired.txt` beside this file lists the words that must
//! not come back. See "How we write" in `CONTRIBUTING.md`.

mod book;
mod features;
mod files;
mod glossary;
mod retired;
mod style;
