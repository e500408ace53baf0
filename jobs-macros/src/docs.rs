//! Doc comments: what a job says about itself.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The doc comment of a function.
#[derive(Debug, Default)]
pub(crate) struct Docs {
    /// As `/// …` or `#[doc = …]`: blocks have become lines.
    attributes: Vec<Attribute>,
}

impl Docs {
    /// The docs among these attributes.
    pub(crate) fn of(attributes: &[Attribute]) -> Self {
        let attributes = attributes.iter().filter(|a| text(a).is_some());
        Self {
            attributes: attributes.flat_map(lines).collect(),
        }
    }

    /// Whether nothing was said.
    pub(crate) fn is_empty(&self) -> bool {
        self.attributes.is_empty()
    }

    /// For other items that say the same.
    pub(crate) fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The whole text, as an expression of type `&'static str`.
    ///
    /// A literal wherever possible; docs may also be `#[doc = include_str!("…")]`, which only the
    /// compiler can read.
    pub(crate) fn text(&self) -> TokenStream {
        let lines: Vec<&Expr> = self.attributes.iter().filter_map(text).collect();
        let literals: Option<Vec<String>> = lines.iter().map(|line| literal(line)).collect();
        match literals {
            Some(lines) => unindented(&lines.join("\n")).into_token_stream(),
            None => quote!(::core::concat!(#(#lines, "\n"),*)),
        }
    }
}

/// The expression of a `#[doc = …]`.
fn text(attribute: &Attribute) -> Option<&Expr> {
    match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => Some(&doc.value),
        _ => None,
    }
}

/// Whether it is `/// …` or `#[doc = …]`, not `#[doc(hidden)]`.
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

/// A doc comment as lines: a block has indents, and perhaps stars, that are no part of its text.
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

/// The lines of a `/** … */`; `None` for a text that was no block.
fn unblocked(text: &str) -> Option<Vec<String>> {
    let (first, rest) = text.split_once('\n')?;
    // Behind `/**` there is a space or nothing.
    if !(first.is_empty() || first.starts_with(char::is_whitespace)) {
        return None;
    }
    let starred = |line: &str| line.starts_with([' ', '\t']) && line.trim_start().starts_with('*');
    let all_starred = rest
        .lines()
        .filter(|line| !line.trim().is_empty())
        .all(starred);
    let rest = match all_starred {
        true => {
            let bare = |line: &str| line.trim_start().trim_start_matches('*').to_owned();
            rest.lines().map(bare).collect::<Vec<_>>().join("\n")
        }
        false => rest.to_owned(),
    };
    let lines = format!("{}\n{}", first.trim(), unindented_lines(&rest));
    Some(lines.trim().lines().map(str::to_owned).collect())
}

/// Takes away the space after `///`, which every line has: what stands deeper, such as code and
/// lists, stays deeper.
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
    fn lines_are_joined_and_the_common_indent_is_taken_away() {
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
            // No block: a list in a `#[doc = "…"]`.
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
