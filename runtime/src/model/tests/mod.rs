//! Conversations in real jobs on a real store, with a provider that speaks the real wire formats and misbehaves.

mod formats;
mod misbehaviour;
mod money;
// It is the tests' crate's, too, where the whole product talks with it.
#[expect(unreachable_pub, reason = "public where it belongs")]
#[path = "../../../../tests/src/provider.rs"]
#[expect(dead_code, reason = "tests of the whole system use more of it")]
mod provider;
mod recovery;
mod secrets;
mod several;
mod talk;
mod traces;
