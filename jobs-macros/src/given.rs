//! One `key`, `key = value` or `key(…)` of an attribute, before anyone knows what it means.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, Token};

use crate::errors::Errors;

/// A key and what was written behind it.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) key: Ident,
    form: Form,
    /// How it is written, for messages.
    example: &'static str,
}

#[derive(Clone, Debug)]
enum Form {
    /// `key`
    Flag,
    /// `key = tokens`
    Value(TokenStream),
    /// `key(tokens)`
    List(TokenStream),
}

/// A value, and the key it was given for: contradictions point at both.
#[derive(Clone, Debug)]
pub(crate) struct Written<T> {
    pub(crate) key: Ident,
    pub(crate) value: T,
}

impl Given {
    /// All keys of an attribute's argument list.
    ///
    /// The list is cut at its commas first, so that a mistake in one key hides no other.
    pub(crate) fn list(tokens: TokenStream, errors: &mut Errors) -> Vec<Self> {
        let mut chunks = vec![TokenStream::new()];
        for token in tokens {
            match (token, chunks.last_mut()) {
                (TokenTree::Punct(punct), _) if punct.as_char() == ',' => {
                    chunks.push(TokenStream::new());
                }
                (token, Some(chunk)) => chunk.extend([token]),
                (_, None) => {}
            }
        }
        chunks
            .into_iter()
            .filter(|chunk| !chunk.is_empty())
            .filter_map(|chunk| errors.ok(Self::parse.parse2(chunk)))
            .collect()
    }

    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if !input.peek(Ident::peek_any) {
            return Err(input.error("expected a key, such as `id = \"mail.send\"`"));
        }
        let key = input.call(Ident::parse_any)?;
        let form = if input.is_empty() {
            Form::Flag
        } else if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Form::Value(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let list;
            syn::parenthesized!(list in input);
            Form::List(list.parse()?)
        } else {
            return Err(input.error(format!("expected `=` after `{key}`, or a comma")));
        };
        Ok(Self {
            key,
            form,
            example: "",
        })
    }

    /// The key's name, for look-ups.
    pub(crate) fn name(&self) -> String {
        self.key.unraw().to_string()
    }

    /// Remembers how the key is written.
    pub(crate) fn like(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// The value of `key = value`, read by `read` to its end.
    pub(crate) fn value<T>(
        &self,
        read: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<T> {
        match &self.form {
            Form::Value(tokens) if !tokens.is_empty() => read.parse2(tokens.clone()),
            _ => Err(self.misshapen()),
        }
    }

    /// The list of `key(…)`, read by `read` to its end.
    pub(crate) fn list_of<T>(
        &self,
        read: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<T> {
        match &self.form {
            Form::List(tokens) => read.parse2(tokens.clone()),
            _ => Err(self.misshapen()),
        }
    }

    /// The value of `key = value`, of `key = (value, option = …)` or of `key(value, option = …)`,
    /// where the value itself may be left out, and the options.
    pub(crate) fn compound(&self) -> syn::Result<(Option<TokenStream>, Vec<Self>)> {
        let tokens = match &self.form {
            Form::Flag => return Err(self.misshapen()),
            Form::List(tokens) => tokens.clone(),
            Form::Value(tokens) => match in_parentheses(tokens) {
                Some(inner) => inner,
                None if tokens.is_empty() => return Err(self.misshapen()),
                None => return Ok((Some(tokens.clone()), Vec::new())),
            },
        };
        let (main, options) = match tokens.clone().into_iter().next() {
            None => return Err(self.misshapen()),
            Some(TokenTree::Ident(_)) => (None, tokens),
            Some(_) => {
                let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',');
                let mut rest = tokens.into_iter();
                let main = rest.by_ref().take_while(|token| !is_comma(token)).collect();
                (Some(main), rest.collect())
            }
        };
        let mut errors = Errors::default();
        let options = Self::list(options, &mut errors);
        for (n, option) in options.iter().enumerate() {
            let name = option.name();
            if options[..n].iter().any(|earlier| earlier.name() == name) {
                errors.at(option.span(), format!("`{name}` is given twice: keep one"));
            }
        }
        errors.into_result()?;
        Ok((main, options))
    }

    /// The truth of `key`, `key = true` or `key = false`.
    pub(crate) fn flag(&self) -> syn::Result<bool> {
        match &self.form {
            Form::Flag => Ok(true),
            Form::Value(_) => self.value(|input| match input.parse::<syn::LitBool>() {
                Ok(truth) => Ok(truth.value),
                Err(error) => Err(syn::Error::new(error.span(), self.wrong())),
            }),
            Form::List(_) => Err(self.misshapen()),
        }
    }

    /// What the value is, when it is not what it should be.
    pub(crate) fn wrong(&self) -> String {
        format!("`{}` is written `{}`", self.key, self.example)
    }

    /// The value has the wrong shape.
    pub(crate) fn misshapen(&self) -> syn::Error {
        syn::Error::new_spanned(self, self.wrong())
    }

    /// The key's place.
    pub(crate) fn span(&self) -> Span {
        self.key.span()
    }
}

/// What stands in parentheses, if nothing stands beside them.
fn in_parentheses(tokens: &TokenStream) -> Option<TokenStream> {
    let mut tokens = tokens.clone().into_iter();
    match (tokens.next(), tokens.next()) {
        (Some(TokenTree::Group(group)), None)
            if group.delimiter() == proc_macro2::Delimiter::Parenthesis =>
        {
            Some(group.stream())
        }
        _ => None,
    }
}

impl ToTokens for Given {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.key.to_tokens(tokens);
        match &self.form {
            Form::Flag => {}
            Form::Value(inner) | Form::List(inner) => inner.to_tokens(tokens),
        }
    }
}
