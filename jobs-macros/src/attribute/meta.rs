//! One `key`, `key = value` or `key(…)` of an attribute, before its meaning is known.

use proc_macro2::{Punct, Spacing, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, Token};

use crate::errors::Errors;

/// A key and the tokens after it.
#[derive(Clone, Debug)]
pub(crate) struct Meta {
    pub(crate) key: Ident,
    form: Form,
    /// The right form, for messages.
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

/// A value with its key. A message about a contradiction points at the key.
#[derive(Clone, Debug)]
pub(crate) struct Spanned<T> {
    pub(crate) key: Ident,
    pub(crate) value: T,
}

impl Meta {
    /// Parses all keys of an attribute's argument list.
    ///
    /// The list is split at its commas first, so that a mistake in one key hides no other. A key
    /// without a comma before it is reported, and begins a part as well.
    pub(crate) fn parse_all(tokens: TokenStream, errors: &mut Errors) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut part: Vec<TokenTree> = Vec::new();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            if is_punct(&token, ',') {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            let begins_key =
                matches!(token, TokenTree::Ident(_)) && tokens.peek().is_some_and(is_assignment);
            let complete = part.last().is_some_and(|last| !is_punct(last, '='));
            if begins_key && complete {
                errors.at(token.span(), format!("missing comma before `{token}`"));
                parts.push(std::mem::take(&mut part));
            }
            part.push(token);
        }
        parts.push(part);
        parts
            .into_iter()
            .filter(|part| !part.is_empty())
            .filter_map(|part| errors.ok(Self::parse.parse2(part.into_iter().collect())))
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

    /// The key's name, without `r#`.
    pub(crate) fn name(&self) -> String {
        self.key.unraw().to_string()
    }

    /// Sets the form that messages show.
    pub(crate) fn with_example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    /// Parses the value of `key = value` with `read`, to its end.
    pub(crate) fn value<T>(
        &self,
        read: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<T> {
        match &self.form {
            Form::Value(tokens) if !tokens.is_empty() => to_end(read).parse2(tokens.clone()),
            _ => Err(self.wrong_form()),
        }
    }

    /// Parses the list of `key(…)` with `read`, to its end.
    pub(crate) fn list<T>(
        &self,
        read: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
    ) -> syn::Result<T> {
        match &self.form {
            Form::List(tokens) => read.parse2(tokens.clone()),
            _ => Err(self.wrong_form()),
        }
    }

    /// Splits `key = value`, `key = (value, option = …)` or `key(value, option = …)` into the value
    /// and the options. The value may be absent where there are options.
    pub(crate) fn value_and_options(&self) -> syn::Result<(Option<TokenStream>, Vec<Self>)> {
        let tokens = match &self.form {
            Form::Flag => return Err(self.wrong_form()),
            Form::List(tokens) => tokens.clone(),
            Form::Value(tokens) => match in_parentheses(tokens) {
                Some(inner) => inner,
                None if tokens.is_empty() => return Err(self.wrong_form()),
                None => return Ok((Some(tokens.clone()), Vec::new())),
            },
        };
        let (main, options) = match tokens.clone().into_iter().next() {
            None => return Err(self.wrong_form()),
            Some(TokenTree::Ident(_)) => (None, tokens),
            Some(_) => {
                let mut rest = tokens.into_iter();
                let main = rest.by_ref();
                let main = main.take_while(|token| !is_punct(token, ',')).collect();
                (Some(main), rest.collect())
            }
        };
        let mut errors = Errors::default();
        let options = Self::parse_all(options, &mut errors);
        for (n, option) in options.iter().enumerate() {
            let name = option.name();
            if options[..n].iter().any(|earlier| earlier.name() == name) {
                errors.at(option.span(), format!("`{name}` is given twice: keep one"));
            }
        }
        errors.into_result()?;
        Ok((main, options))
    }

    /// The value of `key = 3`.
    pub(super) fn count(&self) -> Option<u32> {
        let number = self.value(|input| input.parse::<syn::LitInt>()).ok()?;
        number
            .base10_parse()
            .ok()
            .filter(|_| number.suffix().is_empty())
    }

    /// Parses `key`, `key = true` or `key = false`.
    pub(crate) fn flag(&self) -> syn::Result<bool> {
        match &self.form {
            Form::Flag => Ok(true),
            Form::Value(_) => self.value(|input| match input.parse::<syn::LitBool>() {
                Ok(literal) => Ok(literal.value),
                Err(error) => Err(syn::Error::new(error.span(), self.expected_form())),
            }),
            Form::List(_) => Err(self.wrong_form()),
        }
    }

    /// The message for a key in the wrong form.
    pub(crate) fn expected_form(&self) -> String {
        format!(
            "wrong form of `{}`: write it like `{}`",
            self.key, self.example
        )
    }

    /// The error for a key in the wrong form, over the key and its value.
    pub(crate) fn wrong_form(&self) -> syn::Error {
        syn::Error::new_spanned(self, self.expected_form())
    }

    /// The key's span.
    pub(crate) fn span(&self) -> Span {
        self.key.span()
    }
}

/// Adds the check that nothing follows to a parser.
pub(crate) fn to_end<T>(
    read: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> impl FnOnce(ParseStream<'_>) -> syn::Result<T> {
    |input| {
        let value = read(input)?;
        if input.is_empty() {
            Ok(value)
        } else {
            Err(input.error("expected a comma, or the end of the attribute"))
        }
    }
}

/// True for `=`, and not for the first half of `==` or `=>`.
fn is_assignment(token: &TokenTree) -> bool {
    let is_alone = |punct: &Punct| punct.spacing() == Spacing::Alone;
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '=' && is_alone(punct))
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

/// Returns the tokens in parentheses, if the parentheses are all there is.
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

impl ToTokens for Meta {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.key.to_tokens(tokens);
        match &self.form {
            Form::Flag => {}
            Form::Value(inner) | Form::List(inner) => inner.to_tokens(tokens),
        }
    }
}
