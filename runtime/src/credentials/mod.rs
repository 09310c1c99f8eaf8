//! Who is calling, and what they may do.
//!
//! A request shows a [`Credential`]; from the moment it is read only its [`Fingerprint`], a SHA-256, goes on. An [`Authority`]
//! turns that into a [`Principal`]. What a principal may do is decided in `principal.rs`, and nowhere else: routes, tools and jobs ask
//! [`Principal::require`] and [`Principal::may_see`].

mod authority;
mod bearer;
mod callers;
mod credential;
mod keys;
mod own_key;
mod principal;
#[cfg(test)]
mod tests;

pub(crate) use authority::Proven;
pub use authority::{Authority, Refusal};
pub(crate) use bearer::Bearer;
pub use callers::Callers;
pub use credential::{Credential, Fingerprint, NotAFingerprint};
pub use keys::Keys;
pub use own_key::OwnKey;
pub(crate) use principal::Sight;
pub use principal::{Owner, Principal};
