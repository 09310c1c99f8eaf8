//! The Coder with a language model, whose answers are on a tape.

mod attacks;
mod real;
mod scene;
mod work;
