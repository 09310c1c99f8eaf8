//! An app that exists elsewhere: looked through when it comes, and what plan, design and checks say of it. No model is asked.

mod checks;
mod dump;
mod lexer;
mod pages;
mod rows;
mod supplied;
#[cfg(test)]
mod tests;

pub(crate) use supplied::Supplied;
