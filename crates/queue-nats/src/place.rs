//! Where the queue server is, and as whom to come.

use std::fmt;
use std::path::Path;

use async_nats::ConnectOptions;
use ledger_tls::is_this_machine;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use url::Url;

use crate::error::BadPlace;

const PREFIX_CHARS_MAX: usize = 32;

/// Where the queue server is, and as whom to come. Neither password nor token is in any text that is made of it.
#[derive(Clone)]
pub struct Place {
    servers: Vec<String>,
    login: Login,
    tls: bool,
    remote: bool,
    encryption: Option<ClientConfig>,
    pub(crate) prefix: String,
}

#[derive(Clone, PartialEq, Eq)]
enum Login {
    Nobody,
    Token(String),
    User { name: String, password: String },
}

impl Place {
    /// Reads a URL, or several of one cluster separated by commas. `ca_file`: the PEM file of the certificates that are
    /// trusted, instead of the system's; with it everything is encrypted. `prefix` begins the names of everything that is
    /// kept on the server.
    ///
    /// # Errors
    /// What is wrong, without repeating any of it that may be secret.
    pub fn new(urls: &str, ca_file: Option<&Path>, prefix: &str) -> Result<Self, BadPlace> {
        let token = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if prefix.is_empty() || prefix.len() > PREFIX_CHARS_MAX || !prefix.chars().all(token) {
            return Err(BadPlace::Prefix(prefix.to_owned()));
        }
        let mut place = Self {
            servers: Vec::new(),
            login: Login::Nobody,
            tls: ca_file.is_some(),
            remote: false,
            encryption: None,
            prefix: prefix.to_owned(),
        };
        for url in urls.split(',') {
            place.add(url.trim())?;
        }
        place.encryption = match ledger_tls::client(ca_file) {
            Ok(client) => Some(client),
            Err(error) if place.tls => return Err(BadPlace::Certificates(error)),
            // Nothing is to be encrypted, and a server that asks for it all the same cannot be trusted.
            Err(_) => None,
        };
        Ok(place)
    }

    fn add(&mut self, url: &str) -> Result<(), BadPlace> {
        let url = Url::parse(url).map_err(|_| BadPlace::Url("it is no URL"))?;
        match url.scheme() {
            "nats" => {}
            "tls" => self.tls = true,
            _ => return Err(BadPlace::Url("it begins with neither nats:// nor tls://")),
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(BadPlace::Url("it names no host"))?;
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(BadPlace::Url("something stands behind the port"));
        }
        self.remote |= !is_this_machine(host);
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(|text| text.into_owned()).map_err(|_| BadPlace::Url("user or password is no UTF-8"))
        };
        match (url.username(), url.password()) {
            ("", None) => {}
            (token, None) => self.login = Login::Token(decoded(token)?),
            (name, Some(password)) => {
                self.login = Login::User { name: decoded(name)?, password: decoded(password)? };
            }
        }
        let scheme = url.scheme();
        self.servers.push(format!("{scheme}://{host}:{}", url.port().unwrap_or(4222)));
        Ok(())
    }

    /// The servers, without user, password and token.
    pub fn shown(&self) -> String {
        self.servers.join(",")
    }

    /// Does what is sent cross a network unencrypted, as far as the settings tell?
    pub fn in_clear(&self) -> bool {
        self.remote && !self.tls
    }

    pub(crate) fn servers(&self) -> &[String] {
        &self.servers
    }

    pub(crate) fn options(&self) -> ConnectOptions {
        let mut options = match &self.login {
            Login::Nobody => ConnectOptions::new(),
            Login::Token(token) => ConnectOptions::with_token(token.clone()),
            Login::User { name, password } => {
                ConnectOptions::with_user_and_password(name.clone(), password.clone())
            }
        };
        if let Some(client) = &self.encryption {
            options = options.tls_client_config(client.clone());
        }
        options.require_tls(self.tls)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("servers", &self.servers)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(urls: &str) -> Result<Place, BadPlace> {
        Place::new(urls, None, "ledger")
    }

    #[test]
    fn servers_are_shown_and_nothing_secret_is() {
        for (url, shown) in [
            ("nats://localhost", "nats://localhost:4222"),
            ("tls://ledger:geheim@q.example.org:4333", "tls://q.example.org:4333"),
            ("nats://geheim@127.0.0.1", "nats://127.0.0.1:4222"),
            ("nats://u:geheim@a, nats://u:geheim@[::1]:9", "nats://a:4222,nats://[::1]:9"),
        ] {
            let place = place(url).unwrap();
            assert_eq!(place.shown(), shown);
            assert!(!format!("{place:?}").contains("geheim"), "{place:?}");
        }
        let decoded = place("nats://u:ge%3Aheim@a").unwrap().login;
        assert!(decoded == Login::User { name: "u".into(), password: "ge:heim".into() });
        assert!(place("nats://t@a").unwrap().login == Login::Token("t".into()));
    }

    #[test]
    fn what_is_wrong_is_said_without_repeating_it() {
        for url in [
            "geheim",
            "",
            "http://u:geheim@a",
            "ws://geheim@a",
            "nats://geheim@a/x",
            "nats://a?geheim",
            "nats://",
        ] {
            let refused = place(url).unwrap_err().to_string();
            assert!(refused.contains("nats://host:4222") && !refused.contains("geheim"), "{url}: {refused}");
        }
        for prefix in ["", "a.b", "a b", "*", &"x".repeat(33)] {
            assert!(matches!(Place::new("nats://a", None, prefix), Err(BadPlace::Prefix(_))), "{prefix}");
        }
        let missing = Place::new("tls://a", Some(Path::new("/nowhere")), "ledger").unwrap_err();
        assert!(missing.to_string().starts_with("the certificates in /nowhere: "), "{missing}");
    }

    #[test]
    fn what_crosses_a_network_in_clear_is_known() {
        for (url, clear) in [
            ("nats://localhost", false),
            ("nats://127.0.0.1", false),
            ("nats://[::1]", false),
            ("nats://a", true),
            ("tls://a", false),
        ] {
            assert_eq!(place(url).unwrap().in_clear(), clear, "{url}");
        }
    }
}
