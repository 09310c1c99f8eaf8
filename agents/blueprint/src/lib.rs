//! The offline engine: goal -> plan -> design -> change-set -> checks, without a model and without I/O.
//!
//! A goal carries a small specification anywhere in its prose:
//! `posts(title:string!, body:text, status:enum(draft|open)=draft, author:ref(users)); users(name:string! unique)`.
//! `goal` reads it, `model` lays it over what the app has already, `schema` finds the migrations that lead there,
//! `php` writes the files and `checks()` says how the result is shown to be right. The same input gives the same output,
//! byte by byte.

mod building;
mod checks;
mod criterion;
mod designing;
mod goal;
mod language;
mod literal;
mod model;
mod php;
mod planning;
mod schema;

pub use building::build;
pub use checks::checks;
pub use designing::design;
pub use planning::plan;

use protocol::artifact::Path;

/// The app's model, kept as a file of the release, outside the document root.
pub const MODEL_FILE: &str = "blueprint.json";

/// The files of the live release whose text [`plan`], [`design`] and [`build`] want to see.
#[must_use]
pub fn wanted_files() -> Vec<Path> {
    vec![MODEL_FILE.parse().expect("the model's file has a valid path")]
}
