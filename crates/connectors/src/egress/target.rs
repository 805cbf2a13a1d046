//! A URL that has been parsed and checked, once.

use std::fmt;

use url::{Host, Url};

use super::address::{Forbidden, Policy};

/// Where requests go: a base that was checked, and what is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(Url);

/// Why a URL is not gone to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Not a URL.
    #[error("not a URL: {0}")]
    Malformed(String),
    /// Another scheme.
    #[error("the scheme {0:?} is not taken: use https (http needs the connection to permit it)")]
    Scheme(String),
    /// A user or password in it.
    #[error("a URL may not hold a user or password: configure a credential")]
    UserInfo,
    /// No host, or an empty one.
    #[error("the URL has no host")]
    Host,
    /// A port that is not permitted.
    #[error("port {0} is not permitted for this connection: 443, 8443, or those that an operator allows")]
    Port(u16),
    /// A query or fragment in a base.
    #[error("a base URL ends with its path: no query, no fragment")]
    Base,
    /// An address that may not be reached.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
}

impl Target {
    /// Parses and checks a URL. This is the only place that parses one: what is checked is what is used.
    ///
    /// # Errors
    /// What about it is not taken.
    pub fn parse(text: &str, policy: &Policy) -> Result<Self, TargetError> {
        // The parser drops tabs and line ends and takes backslashes for slashes; a person who writes them errs.
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f || byte == b'\\') {
            return Err(TargetError::Malformed("white space, control characters or backslashes".into()));
        }
        let url = Url::parse(text).map_err(|error| TargetError::Malformed(error.to_string()))?;
        match url.scheme() {
            "https" => {}
            "http" if policy.plain_http => {}
            other => return Err(TargetError::Scheme(other.into())),
        }
        if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
            return Err(TargetError::UserInfo);
        }
        match url.host() {
            Some(Host::Ipv4(address)) => policy.check(address.into())?,
            Some(Host::Ipv6(address)) => policy.check(address.into())?,
            Some(Host::Domain(name)) if !name.trim_end_matches('.').is_empty() => {}
            _ => return Err(TargetError::Host),
        }
        let port = url.port_or_known_default().unwrap_or(0);
        let usual = matches!(port, 443 | 8443) || (port == 80 && url.scheme() == "http");
        if !usual && !policy.ports.contains(&port) {
            return Err(TargetError::Port(port));
        }
        Ok(Self(url))
    }

    /// As [`Target::parse`], for a base: nothing stands after its path.
    ///
    /// # Errors
    /// As there.
    pub fn parse_base(text: &str, policy: &Policy) -> Result<Self, TargetError> {
        let target = Self::parse(text, policy)?;
        if target.0.query().is_some() || target.0.fragment().is_some() {
            return Err(TargetError::Base);
        }
        Ok(target)
    }

    /// Path and query below this base. They cannot change scheme, host or port, and cannot climb above its path.
    ///
    /// # Errors
    /// The path climbs.
    pub fn below(&self, path_and_query: &str) -> Result<Self, TargetError> {
        let (path, query) = match path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (path_and_query, None),
        };
        let base = self.0.path().trim_end_matches('/').to_owned();
        let mut url = self.0.clone();
        url.set_path(&format!("{base}/{}", path.trim_start_matches('/')));
        url.set_query(query);
        let inside = url.path() == base || url.path().starts_with(&format!("{base}/"));
        if !inside || url.path().contains("//") {
            return Err(TargetError::Malformed(format!("{path:?} leaves the base")));
        }
        Ok(Self(url))
    }

    /// The same place with this query.
    pub(super) fn with_query(&self, query: &str) -> Self {
        let mut url = self.0.clone();
        url.set_query(Some(query));
        Self(url)
    }

    /// Whether requests are encrypted.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The host as it stands in the URL.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_below_its_base() {
        let base = Target::parse_base("https://api.example/ex/jira/7/", &Policy::default()).expect("fits");
        let below = |path: &str| base.below(path).map(|target| target.to_string());
        assert_eq!(
            below("/rest/api/3/issue?a=%2e%2e/b"),
            Ok("https://api.example/ex/jira/7/rest/api/3/issue?a=%2e%2e/b".into())
        );
        for path in ["/../8/x", "/a/../../8", "/%2e%2e/8", "/..%2f8/../../8", "/a/..\\..\\..\\8", "/a//b"] {
            assert!(matches!(below(path), Err(TargetError::Malformed(_))), "{path}: {:?}", below(path));
        }
        assert_eq!(below("//evil.example/x"), Ok("https://api.example/ex/jira/7/evil.example/x".into()));
        assert_eq!(below("@evil.example"), Ok("https://api.example/ex/jira/7/@evil.example".into()));
    }

    #[test]
    fn schemes_ports_and_user_info_are_checked() {
        let policy = Policy { ports: vec![8080], ..Policy::default() };
        for (url, taken) in [
            ("https://jira.example", true),
            ("https://jira.example:8443/jira", true),
            ("https://jira.example:8080", true),
            ("https://jira.example:22", false),
            ("http://jira.example", false),
            ("ftp://jira.example", false),
            ("file:///etc/passwd", false),
            ("https://user@jira.example", false),
            ("https://user:pw@jira.example", false),
            ("https://@jira.example", false),
            ("https://", false),
            ("jira.example", false),
            ("https://jira.example\\@evil", false),
            ("https://jira.example/\n", false),
        ] {
            assert_eq!(Target::parse(url, &policy).is_ok(), taken, "{url}");
        }
        assert!(Target::parse_base("https://jira.example/?x", &policy).is_err());
    }
}
