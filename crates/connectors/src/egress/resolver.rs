//! Names to addresses, all of them permitted or none.

use std::io;
use std::net::IpAddr;

use async_trait::async_trait;
use http::Uri;

use super::address::{Forbidden, Policy};

/// Asks for the addresses of a name.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of the name, in the order in which they should be tried.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Why a host cannot be connected to.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// The resolver does not know.
    #[error("the host {name} cannot be resolved: {source}")]
    Unknown {
        /// The name.
        name: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// One of its addresses may not be reached, so none is.
    #[error("the host {name} is refused: {forbidden}")]
    Forbidden {
        /// The name.
        name: String,
        /// The address.
        forbidden: Forbidden,
    },
    /// Plain HTTP leaves the networks of the connection.
    #[error("http is taken in the connection's own networks only, and {0} is not in one")]
    Plain(IpAddr),
}

/// The addresses that a connection to this URI may be made to. A literal never reaches the resolver.
pub(super) async fn permitted(
    uri: &Uri,
    resolver: &dyn Resolve,
    policy: &Policy,
) -> Result<Vec<IpAddr>, ResolveError> {
    let name = uri.host().unwrap_or_default();
    let literal = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let unknown = |source| ResolveError::Unknown { name: name.into(), source };
    let addresses = match literal {
        Ok(address) => vec![address],
        Err(_) => resolver.addresses(name).await.map_err(unknown)?,
    };
    if addresses.is_empty() {
        return Err(unknown(io::Error::other("it has no address")));
    }
    for address in &addresses {
        policy
            .check(*address)
            .map_err(|forbidden| ResolveError::Forbidden { name: name.into(), forbidden })?;
        if uri.scheme_str() != Some("https") && !policy.allows(*address) {
            return Err(ResolveError::Plain(*address));
        }
    }
    Ok(addresses)
}
