//! Doc comments, which become the job's label and description.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment of a function.
#[derive(Debug, Default)]
pub(crate) struct Docs {
    /// One `#[doc = …]` per line. Block comments are split into lines.
    attributes: Vec<Attribute>,
}

impl Docs {
    /// Collects the docs among `attributes`.
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let attributes = attributes.iter().filter(|a| text(a).is_some());
        Self {
            attributes: attributes.flat_map(lines).collect(),
        }
    }

    /// Returns `true` if there are no docs.
    pub(crate) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// The attributes, for other items with the same docs.
    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The whole text as an expression of type `&'static str`.
    ///
    /// The expression is a literal, except for docs such as `#[doc = include_str!("…")]`, which
    /// only the compiler can read.
    pub(crate) fn text(&self) -> TokenStream {
        let lines: Vec<&Expr> = self.attributes.iter().filter_map(text).collect();
        let literals: Option<Vec<String>> = lines.iter().map(|line| literal(line)).collect();
        match literals {
            Some(lines) => unindented(&lines.join("\n")).into_token_stream(),
            None => quote!(::core::concat!(#(#lines, "\n"),*)),
        }
    }
}

/// Returns the expression of a `#[doc = …]`.
fn text(attribute: &Attribute) -> Option<&Expr> {
    match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => Some(&doc.value),
        _ => None,
    }
}

/// Returns `true` if an attribute is `/// …` or `#[doc = …]`, which `#[doc(hidden)]` is not.
pub(crate) fn is_doc(attribute: &Attribute) -> bool {
    text(attribute).is_some()
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// Splits a doc comment into lines. The indents and stars of a block comment are removed.
pub(crate) fn lines(attribute: &Attribute) -> Vec<Attribute> {
    let block = text(attribute)
        .and_then(literal)
        .and_then(|text| unblocked(&text));
    match block {
        Some(lines) => lines
            .into_iter()
            .map(|line| {
                let line = if line.is_empty() {
                    line
                } else {
                    format!(" {line}")
                };
                syn::parse_quote!(#[doc = #line])
            })
            .collect(),
        None => vec![attribute.clone()],
    }
}

/// Returns the lines of a `/** … */`, or `None` for a text that is not from a block comment.
fn unblocked(text: &str) -> Option<Vec<String>> {
    let (first, rest) = text.split_once('\n')?;
    // A block comment continues with a space or a line break after `/**`.
    if !(first.is_empty() || first.starts_with(char::is_whitespace)) {
        return None;
    }
    let starred = |line: &str| line.starts_with([' ', '\t']) && line.trim_start().starts_with('*');
    let all_starred = rest
        .lines()
        .filter(|line| !line.trim().is_empty())
        .all(starred);
    let rest = if all_starred {
        let bare = |line: &str| line.trim_start().trim_start_matches('*').to_owned();
        rest.lines().map(bare).collect::<Vec<_>>().join("\n")
    } else {
        rest.to_owned()
    };
    let lines = format!("{}\n{}", first.trim(), unindented_lines(&rest));
    Some(lines.trim().lines().map(str::to_owned).collect())
}

/// Removes the indent that all lines share, such as the space after `///`. Code and nested lists
/// stay indented.
fn unindented(text: &str) -> String {
    unindented_lines(text).trim().to_owned()
}

fn unindented_lines(text: &str) -> String {
    let lines = || text.lines().map(str::trim_end);
    let indent = |line: &str| line.len() - line.trim_start().len();
    let common = lines().filter(|line| !line.is_empty()).map(indent).min();
    let lines: Vec<&str> = lines()
        .map(|line| line.get(common.unwrap_or(0)..).unwrap_or(""))
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::Docs;
    use syn::parse_quote;

    #[test]
    fn lines_are_joined_and_lose_their_common_indent() {
        let function: syn::ItemFn = parse_quote! {
            /// Sends mail.
            ///
            /// * politely
            ///   and once
            #[doc(hidden)]
            fn send_mail() {}
        };
        let text = Docs::of(&function.attrs).text();
        let text: syn::LitStr = syn::parse2(text).expect("a literal");
        assert_eq!(text.value(), "Sends mail.\n\n* politely\n  and once");
    }

    #[test]
    fn blocks_become_lines() {
        for (block, text) in [
            (" Sends mail. ", "Sends mail."),
            (
                "\n * Sends mail.\n *\n *     code\n ",
                "Sends mail.\n\n    code",
            ),
            (
                " Sends mail.\n  *\n  * Politely. ",
                "Sends mail.\n\nPolitely.",
            ),
            (
                "\n        Sends mail.\n\n        Politely.\n    ",
                "Sends mail.\n\nPolitely.",
            ),
            (
                " Sends mail.\n\n        Politely. ",
                "Sends mail.\n\nPolitely.",
            ),
            // A list in a `#[doc = "…"]` is not from a block comment.
            ("Sends:\n* mail\n    code", "Sends:\n* mail\n    code"),
        ] {
            let function: syn::ItemFn = parse_quote! {
                #[doc = #block]
                fn send_mail() {}
            };
            let docs = Docs::of(&function.attrs).text();
            let docs: syn::LitStr = syn::parse2(docs).expect("a literal");
            assert_eq!(docs.value(), text, "{block:?}");
        }
    }

    #[test]
    fn included_docs_stay_expressions() {
        let function: syn::ItemFn = parse_quote! {
            #[doc = include_str!("mail.md")]
            fn send_mail() {}
        };
        let text = Docs::of(&function.attrs).text().to_string();
        assert!(text.contains("include_str"), "{text}");
    }
}
