//! The rules of jobs, with real workers on a real store.

mod cancel;
mod effect;
mod life;
mod loss;
pub(crate) mod scene;
