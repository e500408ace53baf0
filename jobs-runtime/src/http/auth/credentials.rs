//! The token of a request: in the header `Authorization`, or in the cookie of a sign-in.

use axum::http::{HeaderMap, HeaderValue, header};

/// The name of the cookie.
pub(in crate::http) const COOKIE: &str = "jobs_session";

/// The credentials of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    /// None.
    Absent,
    /// A token that the program of the caller sends.
    Bearer(&'a str),
    /// A token that the browser adds by itself.
    Cookie(&'a str),
    /// A header that holds no token.
    Malformed,
}

impl<'a> Credentials<'a> {
    /// Finds the credentials. The header goes before the cookie.
    pub(super) fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next()) {
            (None, _) => cookie(headers).map_or(Self::Absent, Self::Cookie),
            (Some(value), None) => bearer(value).map_or(Self::Malformed, Self::Bearer),
            (Some(_), Some(_)) => Self::Malformed,
        }
    }
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Finds the cookie among the cookies of the request. An empty one, left by a sign-out, is none.
pub(in crate::http) fn cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter();
    let pairs = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'));
    let mut values = pairs.filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE && !value.is_empty()).then_some(value)
    });
    values.next()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        let lines = lines
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        lines.collect()
    }

    #[test]
    fn credentials_are_a_bearer_token_or_the_cookie() {
        use header::{AUTHORIZATION, COOKIE};
        let bearer = (AUTHORIZATION, "Bearer a.b");
        let cookie = (COOKIE, "theme=dark; jobs_session=c.d;x=y");
        let check = |lines: &[(HeaderName, &'static str)], expected| {
            assert_eq!(Credentials::of(&headers(lines)), expected, "{lines:?}");
        };
        check(&[], Credentials::Absent);
        check(std::slice::from_ref(&bearer), Credentials::Bearer("a.b"));
        check(
            &[(AUTHORIZATION, "bearer  a.b ")],
            Credentials::Bearer("a.b"),
        );
        check(std::slice::from_ref(&cookie), Credentials::Cookie("c.d"));
        check(&[cookie, bearer.clone()], Credentials::Bearer("a.b"));
        check(&[(COOKIE, "jobs_session=")], Credentials::Absent);
        check(&[(COOKIE, "my_jobs_session=c.d")], Credentials::Absent);
        for wrong in ["Basic YTpi", "Bearer", "Bearer ", "a.b", ""] {
            check(&[(AUTHORIZATION, wrong)], Credentials::Malformed);
        }
        let mut twice = headers(&[bearer]);
        twice.append(AUTHORIZATION, HeaderValue::from_static("Bearer e.f"));
        assert_eq!(Credentials::of(&twice), Credentials::Malformed);
    }
}
