//! What keeps other sites from acting in a reader's name.
//!
//! Three guards, each enough by itself in a browser that keeps to its standard: the session cookie is
//! `SameSite=Strict`; a changing request must say that it comes from this origin (`Sec-Fetch-Site`, else `Origin`); and
//! it must carry the session's token. The token is also what protects against a page of another port on this host,
//! which counts as the same site.

use axum::http::{HeaderMap, HeaderName, header};
use subtle::ConstantTimeEq;

/// The header in which scripts send the token.
pub const TOKEN: HeaderName = HeaderName::from_static("x-csrf-token");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Does a changing request come from a page of this origin, as far as its headers tell?
///
/// A request with neither header comes from no browser; the token decides about it.
pub fn same_origin(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        // `none`: the reader's own doing, such as a bookmark; a form cannot be that.
        return site == "same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or_default()) else {
        return true;
    };
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // `null`, other schemes and other hosts all differ.
    !host.is_empty() && origin.split_once("://").is_some_and(|(_, rest)| rest == host)
}

/// Is this the session's token?
pub fn token_fits(expected: &str, given: &str) -> bool {
    expected.as_bytes().ct_eq(given.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn only_pages_of_this_origin_may_change_anything() {
        let host = (header::HOST, "ledger.example:8080");
        for (pairs, expected) in [
            (vec![(SEC_FETCH_SITE, "same-origin")], true),
            (vec![(SEC_FETCH_SITE, "same-site")], false),
            (vec![(SEC_FETCH_SITE, "cross-site")], false),
            (vec![(SEC_FETCH_SITE, "none")], false),
            (vec![(header::ORIGIN, "http://ledger.example:8080"), host.clone()], true),
            (vec![(header::ORIGIN, "http://ledger.example:9090"), host.clone()], false),
            (vec![(header::ORIGIN, "http://evil.example"), host.clone()], false),
            (vec![(header::ORIGIN, "null"), host.clone()], false),
            (vec![(header::ORIGIN, "http://")], false),
            (vec![host], true),
        ] {
            assert_eq!(same_origin(&headers(&pairs)), expected, "{pairs:?}");
        }
    }

    #[test]
    fn only_the_whole_token_fits() {
        assert!(token_fits("abc", "abc"));
        assert!(!token_fits("abc", "abd"));
        assert!(!token_fits("abc", ""));
        assert!(!token_fits("abc", "abcd"));
    }
}
