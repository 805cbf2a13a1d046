//! Who asks, and what he may do.
//!
//! [`principal`] holds who may call, [`table`] finds him by his key, [`policy`] is the one seam that decides.

pub mod policy;
pub mod principal;
pub mod signature;
pub mod table;
