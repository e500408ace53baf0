//! Types as texts, spaced as an author writes them.

use proc_macro2::{Delimiter, Punct, Spacing, TokenStream, TokenTree};
use syn::Type;

/// A type with the usual spacing, for messages and for serde's `bound`.
pub(crate) fn shown(ty: &Type) -> String {
    let mut text = String::new();
    write_tokens(quote::quote!(#ty), &mut text);
    text
}

fn write_tokens(tokens: TokenStream, text: &mut String) {
    // A space stands between two words, after a comma, and around operators such as `+` and `->`.
    let mut after_lifetime = false;
    let mut is_joined = false;
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        // Half of an operator such as `==` or `>=`.
        let begins = |it: &Punct| it.spacing() == Spacing::Joint && "=<>!".contains(it.as_char());
        let was_joined = std::mem::take(&mut is_joined);
        is_joined = matches!(&token, TokenTree::Punct(it) if begins(it))
            && matches!(tokens.peek(), Some(TokenTree::Punct(it)) if it.as_char() == '=');
        let word_follows = text.ends_with(|c: char| c.is_alphanumeric() || "_>)]".contains(c));
        match token {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{ ", " }"),
                    Delimiter::None => ("", ""),
                };
                text.push_str(open);
                write_tokens(group.stream(), text);
                text.push_str(close);
            }
            TokenTree::Punct(punct) => match punct.as_char() {
                ',' | ';' => {
                    text.push(punct.as_char());
                    text.push(' ');
                }
                '=' if is_joined || was_joined => text.push('='),
                '+' | '=' => text.push_str(&format!(" {} ", punct.as_char())),
                '-' => text.push_str(" -"),
                '>' if text.ends_with(" -") => text.push_str("> "),
                '\'' => {
                    if word_follows {
                        text.push(' ');
                    }
                    text.push('\'');
                    after_lifetime = true;
                }
                other => text.push(other),
            },
            TokenTree::Ident(_) | TokenTree::Literal(_) => {
                if word_follows && !after_lifetime {
                    text.push(' ');
                }
                text.push_str(&token.to_string());
                after_lifetime = false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shown;
    use syn::parse_str;

    #[test]
    fn types_are_shown_as_they_are_written() {
        for ty in [
            "Vec<Page<Item, 10>>",
            "<Store<Postgres> as Merging>::Item",
            "::std::collections::HashMap<String, (u8, [bool; 4])>",
            "Box<dyn Fn(u8, &'static str) -> Option<u8> + Send + 'static>",
            "Cow<'static, str>",
            "&'a mut Order",
            "Box<dyn Iterator<Item = u8>>",
            "fn() -> ()",
            "Flag<{ SIZE==4 }>",
            "Flag<{ SIZE>=4 }>",
        ] {
            assert_eq!(shown(&parse_str(ty).expect(ty)), ty);
        }
    }
}
